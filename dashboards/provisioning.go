package dashboards

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
)

// AlertingFile is the name of the file that Alerting's content goes into.
const AlertingFile = "hookline.json"

// folder is the UID of Grafana's folder for boards and rules, and its title.
const folder = "hookline"

// mainOrg is Grafana's first organisation, the only one in most.
const mainOrg = 1

// everyMinute is how often the rules are evaluated.
const (
	everyMinute        = "1m"
	everyMinuteSeconds = 60
)

// ContactPoint is the name of the contact point that alerts notify.
const ContactPoint = "hookline"

// contactPoint is where alerts go: a webhook, at an address that may be a secret.
func contactPoint(address string) alerting.ContactPoint {
	return alerting.ContactPoint{
		Uid: cog.ToPtr("hookline-webhook"), Name: cog.ToPtr(ContactPoint), Type: alerting.ContactPointTypeWebhook,
		Settings: map[string]any{"url": address},
	}
}

// policy says how often the contact point is notified: alerts of one rule and vendor together.
func policy() *alerting.NotificationPolicyBuilder {
	return alerting.NewNotificationPolicyBuilder().Receiver(ContactPoint).
		GroupBy([]string{"grafana_folder", "alertname", "vendor"}).
		GroupWait("30s").GroupInterval("5m").RepeatInterval("4h")
}

// provisioning is the file that Grafana's provisioning of alerting reads
// (https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/).
type provisioning struct {
	APIVersion    int            `json:"apiVersion"`
	Groups        []ruleGroups   `json:"groups"`
	ContactPoints []contacts     `json:"contactPoints"`
	Policies      []alertsPolicy `json:"policies"`
}

type ruleGroups struct {
	OrgID    int64           `json:"orgId"`
	Name     string          `json:"name"`
	Folder   string          `json:"folder"`
	Interval string          `json:"interval"`
	Rules    []alerting.Rule `json:"rules"`
}

type contacts struct {
	OrgID     int64                   `json:"orgId"`
	Name      string                  `json:"name"`
	Receivers []alerting.ContactPoint `json:"receivers"`
}

type alertsPolicy struct {
	OrgID int64 `json:"orgId"`
	alerting.NotificationPolicy
}

// Alerting returns the file that provisions Grafana's alert rules, where they go and how often. The address of
// the webhook is ALERT_WEBHOOK_URL in Grafana's environment. The policy is Grafana's only one then:
// the file is for a Grafana of hookline's own.
func Alerting() ([]byte, error) {
	all, err := rules(folder)
	if err != nil {
		return nil, err
	}
	root, err := policy().Build()
	if err != nil {
		return nil, fmt.Errorf("notification policy: %w", err)
	}
	webhook := contactPoint("$ALERT_WEBHOOK_URL")
	raw, err := json.MarshalIndent(provisioning{
		APIVersion:    1,
		Groups:        []ruleGroups{{OrgID: mainOrg, Name: ruleGroup, Folder: folder, Interval: everyMinute, Rules: all}},
		ContactPoints: []contacts{{OrgID: mainOrg, Name: *webhook.Name, Receivers: []alerting.ContactPoint{webhook}}},
		Policies:      []alertsPolicy{{OrgID: mainOrg, NotificationPolicy: root}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("alert rules: %w", err)
	}
	return append(raw, '\n'), nil
}
