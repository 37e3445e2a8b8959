package signature

import (
	"errors"
	"slices"

	"github.com/hookline-io/hookline/internal/jsonscan"
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
			covered:   adyenCovered(),
			secret:    secret,
			note: "{item} joins pspReference, originalReference, merchantAccountCode, merchantReference, amount.value, " +
				"amount.currency, eventCode and success with colons; additionalData.hmacSignature signs it. " +
				"reason, eventDate, paymentMethod and the rest are not signed, nor is the boundary between two fields.",
			source: "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
			wrap:   newAdyen,
		},
		{
			scheme:    "adyen-platform",
			names:     []headerNames{{signature: "HmacSignature"}},
			template:  "{body}",
			algorithm: hmacSHA256(),
			encoding:  base64Std(),
			secret:    secret,
			source:    "https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/",
		},
	}
}

// adyen runs the engine for each item of a delivery.
type adyen struct {
	*scheme
	list, item *jsonscan.Paths
}

func newAdyen(s *scheme) Verifier {
	const item = "NotificationRequestItem"
	paths := []string{item, item + ".additionalData", item + ".amount", item + ".additionalData.hmacSignature"}
	for _, name := range adyenSigned() {
		paths = append(paths, item+"."+name)
	}
	return &adyen{scheme: s, list: jsonscan.NewPaths("notificationItems"), item: jsonscan.NewPaths(paths...)}
}

// Where the paths of adyen.item are in what is found.
const (
	adyenItem = iota
	adyenData
	adyenAmount
	adyenSignature
	adyenFields // the first of the signed fields
)

type adyenFound [adyenFields + 8]jsonscan.Found

// adyenSigned are the signed fields, in their order.
func adyenSigned() []string {
	return []string{
		"pspReference", "originalReference", "merchantAccountCode", "merchantReference", "amount.value", "amount.currency", "eventCode", "success",
	}
}

// adyenCovered are the signed fields as paths into an event's document, an element of notificationItems.
func adyenCovered() []string {
	paths := adyenSigned()
	for i := range paths {
		paths[i] = "NotificationRequestItem." + paths[i]
	}
	return paths
}

// Verify implements Verifier: there is at least one item, and every one is signed. The key named is the first
// item's. The first item that is not good ends it: until then nothing is known of who sent the rest.
func (a *adyen) Verify(r *Request) (Result, error) {
	list, _, err := a.items(jsonscan.View(r.Body))
	if err != nil {
		return Result{}, err
	}
	var result Result
	for _, element := range list.Items() {
		k, err := a.verifyItem(r, string(element))
		if err != nil {
			return Result{}, err
		}
		if result.KeyID == "" {
			result = Result{KeyID: k.id, Proof: a.proof}
		}
	}
	return result, nil
}

func (a *adyen) verifyItem(r *Request, element string) (*key, error) {
	var found adyenFound
	item, err := a.read(element, &found)
	if err != nil {
		return nil, err
	}
	c := a.content(r)
	defer a.release(c)
	var ok bool
	if c.signatures, ok = item.text(adyenSignature); !ok || c.signatures == "" || item.value(adyenData) == "" {
		return nil, &Error{Reason: ReasonMissing, Detail: "an item without additionalData.hmacSignature"}
	}
	if c.own, ok = adyenContent(item); !ok {
		return nil, &Error{Reason: ReasonBody, Detail: "an item whose signed fields are not texts, or stand twice"}
	}
	return a.prove(c)
}

// Sign implements Verifier.
func (a *adyen) Sign(r *Request, _ string) error {
	body := string(r.Body)
	list, start, err := a.items(body)
	if err != nil {
		return err
	}
	type element struct{ start, end int }
	var elements []element
	for at, one := range list.Items() {
		elements = append(elements, element{start + at, start + at + len(one)})
	}
	for _, e := range slices.Backward(elements) { // so that the places of those before stay right
		signed, err := a.signItem(r, body[e.start:e.end])
		if err != nil {
			return err
		}
		body = body[:e.start] + signed + body[e.end:]
	}
	r.Body = []byte(body)
	return nil
}

// signItem returns an element with its item's signature set.
func (a *adyen) signItem(r *Request, element string) (signed string, err error) {
	var found adyenFound
	item, err := a.read(element, &found)
	if err != nil {
		return "", err
	}
	err = a.signFirst(r, func(k *key) error {
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
		data := "{}"
		if v := item.value(adyenData); v.Kind() == jsonscan.Object {
			data = string(v)
		}
		if data, err = withMember(data, "hmacSignature", quote(signature)); err != nil {
			return err
		}
		at := found[adyenItem]
		signed, err = withMember(element[at.Start:at.End], "additionalData", data)
		signed = element[:at.Start] + signed + element[at.End:]
		return err
	})
	return signed, err
}

// items returns the list notificationItems, which is not empty, and where in the body it begins.
func (a *adyen) items(doc string) (list jsonscan.Value, start int, err error) {
	var found [1]jsonscan.Found
	body, err := readObject(doc, a.list, found[:])
	if err != nil {
		return "", 0, err
	}
	list = body.value(0)
	if list.Kind() != jsonscan.List {
		return "", 0, &Error{Reason: ReasonBody, Detail: "want the array notificationItems once"}
	}
	for range list.Items() {
		return list, int(found[0].Start), nil
	}
	return "", 0, &Error{Reason: ReasonBody, Detail: "want at least one NotificationRequestItem in notificationItems"}
}

// read finds in an element of the list what its item holds.
func (a *adyen) read(element string, found *adyenFound) (jsonBody, error) {
	item, err := readObject(element, a.item, found[:])
	if err != nil || item.value(adyenItem).Kind() != jsonscan.Object {
		return jsonBody{}, &Error{Reason: ReasonBody, Detail: "want a NotificationRequestItem once in each element of notificationItems"}
	}
	return item, nil
}

// adyenContent joins the signed fields. An absent one is empty, as in Adyen's libraries; one that stands twice, or
// is neither text nor a plain value, is refused.
func adyenContent(item jsonBody) (string, bool) {
	var joined []byte
	for i := range len(item.found) - adyenFields {
		if i > 0 {
			joined = append(joined, ':')
		}
		found := item.found[adyenFields+i]
		switch v := item.value(adyenFields + i); v.Kind() {
		case jsonscan.Absent:
			if found.Times > 1 {
				return "", false
			}
		case jsonscan.Null:
		case jsonscan.Text:
			joined = append(joined, v.Text()...)
		case jsonscan.Number, jsonscan.Bool:
			joined = append(joined, v...)
		default:
			return "", false
		}
	}
	return string(joined), item.value(adyenAmount) != ""
}
