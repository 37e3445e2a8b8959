package verify

import (
	"errors"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/hookline-io/hookline/schemas"
)

// adyenRules are Adyen's classic notifications, where each item carries its own signature over eight of its
// fields, and its platform webhooks, which are signed as a whole.
func adyenRules() []rule {
	secret := hexSecret("the HMAC key")
	return []rule{
		{
			scheme:    "adyen",
			template:  "{item}",
			fields:    map[string]field{"item": func(dst []byte, c *content) []byte { return append(dst, c.own...) }},
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			proof:     schemas.ProofFields,
			secret:    secret,
			note: "{item} joins pspReference, originalReference, merchantAccountCode, merchantReference, amount.value, " +
				"amount.currency, eventCode and success with colons; additionalData.hmacSignature signs it. " +
				"reason, eventDate, paymentMethod and the rest are not signed, nor is the boundary between two fields.",
			source: "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
			wrap:   func(s *scheme) Verifier { return &adyen{s} },
		},
		{
			scheme:    "adyen-platform",
			wires:     []wire{{signature: "HmacSignature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    secret,
			source:    "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
		},
	}
}

// adyen runs the engine for each item of a delivery.
type adyen struct{ *scheme }

// Verify implements Verifier: there is at least one item, and every one is signed. The key named is the first
// item's.
func (a *adyen) Verify(r *Request) (Result, error) {
	items, err := adyenItems(r.Body)
	if err != nil {
		return Result{}, err
	}
	var result Result
	for i, item := range items {
		c := a.content(r)
		k, err := a.verifyItem(c, item)
		a.release(c)
		if err != nil {
			return Result{}, err
		}
		if i == 0 {
			result = Result{KeyID: k.id, Proof: a.proof}
		}
	}
	return result, nil
}

func (a *adyen) verifyItem(c *content, item gjson.Result) (*key, error) {
	data, _ := member(item, "additionalData")
	var ok bool
	if c.signatures, ok = text(data, "hmacSignature"); !ok || c.signatures == "" {
		return nil, &Error{Reason: ReasonMissing, Detail: "an item without additionalData.hmacSignature"}
	}
	if c.own, ok = adyenContent(item); !ok {
		return nil, &Error{Reason: ReasonBody, Detail: "an item whose signed fields are not texts, or stand twice"}
	}
	return a.prove(c)
}

// Sign implements Verifier.
func (a *adyen) Sign(r *Request, id string) error {
	items, err := adyenItems(r.Body)
	if err != nil {
		return err
	}
	for _, item := range slices.Backward(items) { // so that the offsets of those before stay right
		if err := a.signItem(r, item); err != nil {
			return err
		}
	}
	return nil
}

func (a *adyen) signItem(r *Request, item gjson.Result) error {
	return a.signFirst(r, func(k *key) error {
		c := a.content(r)
		defer a.release(c)
		var ok bool
		if c.own, ok = adyenContent(item); !ok {
			return errors.New("an item's signed fields are not texts, or stand twice")
		}
		signature, err := k.sign(c)
		if err != nil {
			return err
		}
		signature = string(gjson.AppendJSONString(nil, signature))
		if data, ok := member(item, "additionalData"); ok && data.IsObject() {
			r.Body = setMember(r.Body, data, "hmacSignature", signature)
			return nil
		}
		r.Body = setMember(r.Body, item, "additionalData", `{"hmacSignature":`+signature+`}`)
		return nil
	})
}

// adyenItems returns the NotificationRequestItems of a delivery, at least one.
func adyenItems(body []byte) ([]gjson.Result, error) {
	root, err := object(body)
	if err != nil {
		return nil, err
	}
	list, ok := member(root, "notificationItems")
	if !ok || !list.IsArray() {
		return nil, &Error{Reason: ReasonBody, Detail: "want the array notificationItems once"}
	}
	var items []gjson.Result
	list.ForEach(func(_, element gjson.Result) bool {
		var item gjson.Result
		item, ok = member(element, "NotificationRequestItem")
		ok = ok && item.IsObject()
		items = append(items, item)
		return ok
	})
	if !ok || len(items) == 0 {
		return nil, &Error{Reason: ReasonBody, Detail: "want at least one NotificationRequestItem, and nothing else, in notificationItems"}
	}
	return items, nil
}

// adyenContent joins the signed fields. An absent one is empty, as in Adyen's libraries; one that stands twice, or
// is neither text nor a plain value, is refused.
func adyenContent(item gjson.Result) (string, bool) {
	amount, whole := member(item, "amount")
	fields := [8]struct {
		of   gjson.Result
		name string
	}{
		{item, "pspReference"}, {item, "originalReference"}, {item, "merchantAccountCode"}, {item, "merchantReference"},
		{amount, "value"}, {amount, "currency"}, {item, "eventCode"}, {item, "success"},
	}
	var joined []byte
	for i, f := range fields {
		value, times := count(f.of, f.name)
		if times > 1 || value.Type == gjson.JSON {
			return "", false
		}
		if i > 0 {
			joined = append(joined, ':')
		}
		if value.Type == gjson.Number {
			joined = append(joined, value.Raw...)
		} else {
			joined = append(joined, value.String()...)
		}
	}
	return string(joined), whole
}
