package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright"
)

func (s *site) routePolicy() {
	const ofSpace = inAccount + "/spaces/{space}/policy"
	s.page("GET "+inAccount+"/policy", s.policyForm)
	s.act(inAccount+"/policy", s.policy)
	s.page("GET "+ofSpace, s.policyForm)
	s.act(ofSpace, s.policy)
}

// policyView is a policy as it is written in a form: an account's, or what a space demands beyond it.
type policyView struct {
	*form
	space   string                // empty: the account's
	demands keywright.Policy      // the account's, or what holds in the space
	own     keywright.SpacePolicy // of the space
	account keywright.Policy
	may     bool // change it
	preview *keywright.PolicyPreview
	changes []difference
}

// url is where the form is.
func (p policyView) url(v *visit) string {
	if p.space != "" {
		return v.space(p.space, "/policy")
	}
	return v.at("/policy")
}

// readPolicyView reads the policy that holds.
func (s *site) readPolicyView(ctx context.Context, v *visit, f *form) (policyView, error) {
	p := policyView{form: f, space: v.r.PathValue("space")}
	p.may = v.who.May(policyWrite) || p.space != "" && v.who.MayIn(p.space, policyWrite)
	if p.space != "" {
		d, err := s.Authority.SpacePolicy(ctx, v.caller, v.account, p.space)
		p.own, p.demands = d.Own, d.Effective
		return p, err
	}
	account, err := s.Authority.Account(ctx, v.caller, v.account)
	p.demands, p.account = account.Policy, account.Policy
	return p, err
}

func (s *site) policyForm(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readPolicyView(ctx, v, newForm(url.Values{}))
	if p.space != "" {
		fillSpacePolicy(p.values, p.own)
	} else {
		fillPolicy(p.values, p.demands)
	}
	return show("Policy", policyPage(v, p)), err
}

// policy shows what a policy would do to the tokens that live, and sets it only when that was seen.
func (s *site) policy(ctx context.Context, v *visit) (answer, error) {
	f, err := readForm(v)
	if err != nil {
		return answer{}, err
	}
	p, err := s.readPolicyView(ctx, v, f)
	if err != nil {
		return answer{}, err
	}
	if f.get("do") == "edit" {
		return show("Policy", policyPage(v, p)), nil
	}
	err = s.tryPolicy(ctx, v, &p)
	switch {
	case err == nil && len(f.problems) > 0:
		return show("Policy", policyPage(v, p)).with(http.StatusUnprocessableEntity), nil
	case err == nil && f.get("do") == "save":
		return goOn(p.url(v), "The policy is set, and holds already."), nil
	case err == nil:
		return show("Policy", previewPage(v, p)), nil
	case f.take(err, "disable_tokens", "tokens", "enabled", "tokens"):
		p.inWords()
		return show("Policy", policyPage(v, p)).with(statusOf(err)), nil
	}
	return answer{}, err
}

// tryPolicy previews the policy of the form or, if that is asked for, sets it.
func (s *site) tryPolicy(ctx context.Context, v *visit, p *policyView) error {
	save := p.get("do") == "save"
	off := p.get("tokens") == "disable"
	if p.space != "" {
		req := keywright.NewSpacePolicy{SpacePolicy: spacePolicyOf(p.form), DisableTokens: off}
		p.changes = differences(asMembers(p.own), asMembers(req.SpacePolicy))
		if len(p.problems) > 0 {
			return nil
		}
		if save {
			_, err := s.Authority.SetSpacePolicy(ctx, v.caller, v.account, p.space, req)
			return err
		}
		preview, err := s.Authority.PreviewSpacePolicy(ctx, v.caller, v.account, p.space, req, true)
		p.preview = &preview
		return err
	}
	req := keywright.NewPolicy{Policy: policyOf(p.form), DisableTokens: off}
	p.changes = differences(asMembers(p.account), asMembers(req.Policy))
	if len(p.problems) > 0 {
		return nil
	}
	if save {
		_, err := s.Authority.SetPolicy(ctx, v.caller, v.account, req)
		return err
	}
	preview, err := s.Authority.PreviewPolicy(ctx, v.caller, v.account, req, true)
	p.preview = &preview
	return err
}

// inWords has what is wrong speak of the fields as the page calls them.
func (p policyView) inWords() {
	for name, problem := range p.problems {
		for _, member := range []string{"max_lifetime", "default_lifetime"} {
			problem = strings.ReplaceAll(problem, member, "“"+memberWords(member)+"”")
		}
		p.problems[name] = problem
	}
}

// asMembers are a policy's members that differ, as an event tells them.
func asMembers(policy any) map[string]any {
	var members map[string]any
	text, err := json.Marshal(policy)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&members) // what was written a line above
	return members
}

// units are those in which a person writes a span of time.
func spanUnits() []option {
	return []option{{"86400", "days"}, {"3600", "hours"}, {"60", "minutes"}, {"1", "seconds"}}
}

// setSpan writes a number of seconds into a form, in the largest unit that it is a whole number of.
func setSpan(values url.Values, name string, n int64) {
	for _, unit := range spanUnits() {
		if of, _ := strconv.ParseInt(unit.value, 10, 64); n%of == 0 {
			values.Set(name, strconv.FormatInt(n/of, 10))
			values.Set(name+"_unit", unit.value)
			return
		}
	}
}

// span reads a number of seconds; nil if the field is empty.
func (f *form) span(name string) *int64 {
	n := f.whole(name)
	unit, err := strconv.ParseInt(f.get(name+"_unit"), 10, 32)
	if err != nil || n == nil {
		return n
	}
	const century = 100 * 365 * 24 * 60 * 60
	total := min(*n, century+1) * unit
	return &total
}

// whole reads a number; nil if the field is empty.
func (f *form) whole(name string) *int64 {
	text := f.trimmed(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		f.problems[name] = "Write a whole number, or leave it empty."
		return nil
	}
	return &n
}

func orElse(n *int64, empty int64) int64 {
	if n == nil {
		return empty
	}
	return *n
}

// fillPolicy writes an account's policy into a form.
func fillPolicy(values url.Values, p keywright.Policy) {
	values.Set("tokens", map[bool]string{true: "on", false: "off"}[p.Enabled])
	for name, n := range map[string]int64{
		"default_lifetime": p.DefaultLifetime, "temporary_lifetime": p.TemporaryLifetime, "max_lifetime": p.MaxLifetime, "max_unused": p.MaxUnused,
	} {
		if n > 0 {
			setSpan(values, name, n)
		}
	}
	setSpan(values, "max_overlap", p.MaxOverlap)
	for name, n := range map[string]int64{"max_permanent": p.MaxPermanent, "max_tokens": p.MaxTokens} {
		if n >= 0 {
			values.Set(name, strconv.FormatInt(n, 10))
		}
	}
	fillLists(values, p.AllowedScopes, p.AllowedAudience, p.AllowedCIDRs)
	for name, set := range map[string]bool{"expiry_required": p.ExpiryRequired, "recoverable_allowed": p.RecoverableAllowed} {
		if set {
			values.Set(name, "on")
		}
	}
}

func fillLists(values url.Values, scopes, audience, networks []string) {
	for name, list := range map[string][]string{"allowed_scopes": scopes, "allowed_audience": audience, "allowed_cidrs": networks} {
		values.Set(name, strings.Join(list, "\n"))
	}
}

// policyOf reads an account's policy.
func policyOf(f *form) keywright.Policy {
	return keywright.Policy{
		Enabled:         f.get("tokens") == "on",
		DefaultLifetime: orElse(f.span("default_lifetime"), 0), TemporaryLifetime: orElse(f.span("temporary_lifetime"), 86400),
		MaxLifetime: orElse(f.span("max_lifetime"), 0), MaxUnused: orElse(f.span("max_unused"), 0), MaxOverlap: orElse(f.span("max_overlap"), 0),
		MaxPermanent: orElse(f.whole("max_permanent"), -1), MaxTokens: orElse(f.whole("max_tokens"), -1),
		ExpiryRequired: f.has("expiry_required"), RecoverableAllowed: f.has("recoverable_allowed"),
		AllowedScopes: f.listed("allowed_scopes"), AllowedAudience: f.listed("allowed_audience"), AllowedCIDRs: f.listed("allowed_cidrs"),
	}
}

// listed is words, never nil.
func (f *form) listed(name string) []string { return append([]string{}, f.words(name)...) }

// fillSpacePolicy writes into a form what a space demands beyond its account.
func fillSpacePolicy(values url.Values, p keywright.SpacePolicy) {
	values.Set("tokens", map[bool]string{true: "off", false: "on"}[p.Enabled != nil && !*p.Enabled])
	for name, n := range map[string]*int64{
		"default_lifetime": p.DefaultLifetime, "temporary_lifetime": p.TemporaryLifetime, "max_lifetime": p.MaxLifetime, "max_unused": p.MaxUnused,
		"max_overlap": p.MaxOverlap,
	} {
		if n != nil {
			setSpan(values, name, *n)
		}
	}
	for name, n := range map[string]*int64{"max_permanent": p.MaxPermanent, "max_tokens": p.MaxTokens} {
		if n != nil {
			values.Set(name, strconv.FormatInt(*n, 10))
		}
	}
	fillLists(values, p.AllowedScopes, p.AllowedAudience, p.AllowedCIDRs)
	if p.ExpiryRequired != nil && *p.ExpiryRequired {
		values.Set("expiry_required", "on")
	}
	if p.RecoverableAllowed != nil && !*p.RecoverableAllowed {
		values.Set("recoverable_forbidden", "on")
	}
}

// spacePolicyOf reads what a space demands: what is left empty is as the account has it.
func spacePolicyOf(f *form) keywright.SpacePolicy {
	p := keywright.SpacePolicy{
		DefaultLifetime: f.span("default_lifetime"), TemporaryLifetime: f.span("temporary_lifetime"), MaxLifetime: f.span("max_lifetime"),
		MaxUnused: f.span("max_unused"), MaxOverlap: f.span("max_overlap"), MaxPermanent: f.whole("max_permanent"), MaxTokens: f.whole("max_tokens"),
		AllowedScopes: f.words("allowed_scopes"), AllowedAudience: f.words("allowed_audience"), AllowedCIDRs: f.words("allowed_cidrs"),
	}
	yes, no := true, false
	if f.get("tokens") != "on" {
		p.Enabled = &no
	}
	if f.has("expiry_required") {
		p.ExpiryRequired = &yes
	}
	if f.has("recoverable_forbidden") {
		p.RecoverableAllowed = &no
	}
	return p
}

// verdict says of a preview in a sentence what would happen.
func (p policyView) verdict() string {
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{{p.preview.Ends, "would end sooner"}, {p.preview.Narrows, "could do less"}, {p.preview.Disables, "would be disabled"}} {
		if part.n > 0 {
			parts = append(parts, count(part.n, "token")+" "+part.what)
		}
	}
	return strings.Join(parts, ", ")
}

// mostEffects is how many effects of a policy the page lists.
const mostEffects = 200

// effects are those that are listed.
func (p policyView) effects() []keywright.PolicyEffect {
	return p.preview.Tokens[:min(len(p.preview.Tokens), mostEffects)]
}

// effectWords says what would happen to a token.
func effectWords(e keywright.PolicyEffect) string {
	switch e.Effect {
	case keywright.EffectDisables:
		return "is disabled"
	case keywright.EffectNarrows:
		return "loses"
	}
	if e.Because == "max_unused" {
		return "ends, unless it is used before"
	}
	return "ends: it would be too old"
}

// carried are the fields that the preview hands on.
func (p policyView) carried() url.Values {
	values := url.Values{}
	for name, list := range p.values {
		if name != "do" {
			values[name] = list
		}
	}
	return values
}

// none says what an empty field means: of a space, that it is as the account has it.
func (p policyView) none(ofAccount string) string {
	if p.space != "" {
		return "as the account has it"
	}
	return ofAccount
}

// changed are the members that would be other than they are.
func (p policyView) changed() []difference {
	return slices.DeleteFunc(slices.Clone(p.changes), func(d difference) bool {
		same := d.was == d.is && d.had == d.has
		return same && !slices.ContainsFunc(d.items, func(i item) bool { return i.how != "kept" })
	})
}
