package vendors

import "net/http"

// Answers are what a vendor wants to read where it insists on something of its own.
type Answers struct {
	Accepted Answer `yaml:"accepted" jsonschema_description:"To a delivery that was taken. Default: 200 and the events' IDs."`
	Origin   string `yaml:"origin" jsonschema_description:"Who may ask with OPTIONS whether it may send, by the abuse protection of CloudEvents: the WebHook-Request-Origin, or * for anyone."`
	Refused  Answer `yaml:"refused" jsonschema_description:"To a delivery whose signature is not good. Default: 403 and a problem document. Only the status can be set."`
}

// Answer is an HTTP response. A zero status means the default one.
type Answer struct {
	Status int    `yaml:"status" jsonschema_description:"HTTP status."`
	Type   string `yaml:"type" jsonschema_description:"Content type of the body."`
	Body   string `yaml:"body" jsonschema_description:"This very text. Default: none, if a status or a type is set."`
}

func (c *compiler) compileAnswers(spec *Answers) Answers {
	accepted, refused := &spec.Accepted, &spec.Refused
	if *accepted != (Answer{}) && accepted.Status == 0 {
		accepted.Status = http.StatusOK
	}
	if s := accepted.Status; s != 0 && (s < 200 || s > 299) {
		c.fail(&accepted.Status, "status %d: a delivery that was taken is answered with 200 to 299", s)
	}
	if accepted.Body != "" && accepted.Type == "" {
		accepted.Type = "text/plain; charset=utf-8"
	}
	if s := refused.Status; s != 0 && (s < 400 || s > 499) {
		c.fail(&refused.Status, "status %d: a delivery that is refused is answered with 400 to 499", s)
	}
	if refused.Body != "" || refused.Type != "" {
		c.fail(&spec.Refused, "only the status of a refusal can be set: its body is a problem document")
	}
	return *spec
}
