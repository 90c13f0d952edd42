package console

import (
	"strings"
	"unicode"
)

// family is a subject of the audit trail and what can have happened to it.
type family struct {
	title, begins, icon string
	actions             []option // the action and its words
}

// families are all actions, in the order in which people look for them.
func families() []family {
	return []family{
		{"Tokens", "token.", "key", []option{
			{"token.create", "Token created"}, {"token.import", "Token imported"}, {"token.edit", "Token edited"}, {"token.rotate", "Token rotated"},
			{"token.cancel_rotation", "Rotation cancelled"}, {"token.disable", "Token disabled"}, {"token.enable", "Token enabled"},
			{"token.revoke", "Token revoked"}, {"token.delete", "Token deleted"}, {"token.reveal", "Key revealed"}, {"token.transfer", "Token handed over"},
			{"token.refused", "Attempts refused"}, {"token.access_revoke", "Access token revoked"},
		}},
		{"Sign-ins", "session.", "user", []option{
			{"session.begin", "Signed in"}, {"session.end", "Session ended"}, {"session.refused", "Sign-in refused"}, {"session.offer", "Signed in at the provider"},
		}},
		{"People", "user.", "users", []option{
			{"user.create", "User created"}, {"user.edit", "User edited"}, {"user.password", "Password changed"}, {"user.link", "Linked to single sign-on"},
			{"user.disable", "User disabled"}, {"user.enable", "User enabled"}, {"user.delete", "User deleted"},
		}},
		{"Roles", "role.", "users", []option{{"role.grant", "Role given"}, {"role.drop", "Role taken away"}}},
		{"Invitations", "invite.", "users", []option{
			{"invite.create", "Invited"}, {"invite.accept", "Invitation accepted"}, {"invite.withdraw", "Invitation withdrawn"},
		}},
		{"Spaces", "space.", "layers", []option{
			{"space.create", "Space created"}, {"space.edit", "Space edited"}, {"space.policy", "Policy of a space set"}, {"space.close", "Space closed"},
			{"space.reopen", "Space reopened"}, {"space.delete", "Space deleted"},
		}},
		{"Account", "account.", "gear", []option{
			{"account.create", "Account created"}, {"account.edit", "Account edited"}, {"account.policy", "Policy set"}, {"account.close", "Account closed"},
			{"account.reopen", "Account reopened"},
		}},
		{"Audiences", "audience.", "book", []option{
			{"audience.set", "Audience set"}, {"audience.adopt", "Catalogue adopted"}, {"audience.delete", "Audience deleted"},
		}},
		{"Webhooks", "webhook.", "hook", []option{
			{"webhook.create", "Webhook created"}, {"webhook.edit", "Webhook edited"}, {"webhook.rotate", "Webhook's secret rotated"}, {"webhook.test", "Webhook tested"},
			{"webhook.redeliver", "Delivered once more"}, {"webhook.fail", "Delivery given up"}, {"webhook.disable", "Webhook disabled"}, {"webhook.delete", "Webhook deleted"},
		}},
		{"Notices", "notice.", "clock", []option{
			{"notice.expiring", "Token expires soon"}, {"notice.policy", "Policy ends a token soon"}, {"notice.unused", "Token is not used"},
			{"notice.quota", "Quota nearly full"}, {"notice.unsent", "Letter not sent"},
		}},
		{"Instance", "instance.", "home", []option{{"instance.start", "First start"}}},
		{"Keys of the instance", "key.", "key", []option{{"key.add", "Signing key added"}, {"key.retire", "Signing key retired"}}},
	}
}

// familyOf is the family of an action; one of no family has the zero family.
func familyOf(action string) family {
	for _, f := range families() {
		if strings.HasPrefix(action, f.begins) {
			return f
		}
	}
	return family{icon: "list"}
}

// actionWords says what was done, in words.
func actionWords(action string) string {
	for _, o := range familyOf(action).actions {
		if o.value == action {
			return o.text
		}
	}
	return sentenceCase(strings.NewReplacer(".", ": ", "_", " ").Replace(action))
}

// sentenceCase is a text with a capital at its beginning.
func sentenceCase(text string) string {
	for i, r := range text {
		return string(unicode.ToUpper(r)) + text[i+len(string(r)):]
	}
	return text
}

// party is who did something, or what it was done to.
type party struct {
	kind, name string // of token:ID the parts before and after the colon
	text       string // as it is shown
	below      string // the page of it, in the account; empty: it has none
}

// partyOf reads an actor or a subject of the audit trail.
func partyOf(text string) party {
	kind, name, _ := strings.Cut(text, ":")
	p := party{kind: kind, name: name, text: text}
	switch kind {
	case "user":
		p.text, p.below = name, "/people/"+name
	case "token":
		p.text, p.below = "token "+ending(name), "/tokens/"+name
	case "space":
		p.text, p.below = "space "+name, "/spaces/"+name
	case "audience":
		p.text, p.below = "audience "+name, "/audiences/"+name
	case "webhook":
		p.text, p.below = "webhook "+ending(name), "/webhooks/"+name
	case "account":
		p.text = "account " + name
	case "session", "invite", "key":
		p.text = kind + " " + ending(name)
	case "system":
		p.text = "Keywright"
	}
	return p
}

// ending is the last part of an id, enough to know it again: ids that were made at about the same time begin alike.
func ending(id string) string { return "…" + id[max(0, len(id)-6):] }
