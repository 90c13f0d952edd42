package keywright_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/keywright/keywright"
)

func ExampleParseCredential() {
	const presented = "kw_02zEbTcB2pbsMI9m0VTmpQ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1oIBPd"
	c, err := keywright.ParseCredential("kw", presented)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Form(), c.ID())
	fmt.Printf("%+v\n", c)

	_, err = keywright.ParseCredential("kw", presented[:len(presented)-1]+"w")
	fmt.Println(err)
	// Output:
	// api_key 0195540c-3a00-7d4e-8f50-123456789abc
	// api_key:0195540c-3a00-7d4e-8f50-123456789abc:REDACTED
	// credential is malformed: the checksum does not match
}

func ExampleScope_Contains() {
	for _, pair := range [][2]string{
		{"invoices:*", "invoices:read"},
		{"table://*.**", "table://my.app.*"},
		{"table://my.app.**", "table://my.app"},
		{"**", "keywright:tokens:read"},
	} {
		outer, _ := keywright.ParseScope(pair[0])
		inner, _ := keywright.ParseScope(pair[1])
		fmt.Println(outer, "contains", inner, outer.Contains(inner))
	}
	// Output:
	// invoices:* contains invoices:read true
	// table://*.** contains table://my.app.* true
	// table://my.app.** contains table://my.app true
	// ** contains keywright:tokens:read false
}

func ExampleParseScope_position() {
	_, err := keywright.ParseScope("table://my*.app")
	fmt.Println(err)
	// Output:
	// scope "table://my*.app": at position 10: * and ** stand for whole parts only
}

func ExampleDecide() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	id, _ := keywright.ParseID("0195540c-3a00-7d4e-8f50-123456789abc")
	granted, _ := keywright.ParseScopes("invoices:read")
	asked, _ := keywright.ParseScopes("invoices:write")

	facts := keywright.Facts{
		ID:        id,
		Kind:      keywright.KindAccount,
		Account:   "acme",
		Space:     "default",
		Scopes:    granted,
		ExpiresAt: now.Add(time.Hour),
		Tenant:    keywright.Tenant{Open: true},
	}
	fmt.Println(keywright.Decide(facts, keywright.Access{Scopes: granted}, now).Reason)
	fmt.Println(keywright.Decide(facts, keywright.Access{Scopes: asked}, now))
	fmt.Println(keywright.Decide(facts, keywright.Access{Scopes: granted}, facts.ExpiresAt).Reason)
	// Output:
	// allowed
	// {insufficient_scope invoices:write}
	// expired
}

// An API asks whether the token it was presented may do what is asked of it.
func ExampleClient_Verify() {
	client := keywright.NewClient("https://keys.example.com", os.Getenv("KEYWRIGHT_TOKEN"))
	verdict, err := client.Verify(context.Background(), keywright.VerifyRequest{
		Token:  "kw_…", // from the Authorization header of the request
		Scopes: []string{"invoices:read"},
	})
	switch {
	case err != nil:
		log.Println("answer 503, never 401:", err)
	case !verdict.Valid:
		log.Println("answer 401 or 403:", verdict.Reason)
	default:
		log.Println("hello,", verdict.Token.Label)
	}
}

// A creation whose answer was lost is repeated with the same idempotency key:
// the answer is the same, and there is one token.
func ExampleClient_CreateToken() {
	ctx := context.Background()
	client := keywright.NewClient("https://keys.example.com", os.Getenv("KEYWRIGHT_TOKEN"))
	request := keywright.NewToken{Label: "ci", Scopes: []string{"invoices:read"}, Lifetime: keywright.LifetimeTemporary}

	key := keywright.NewIdempotencyKey()
	issued, err := client.CreateToken(ctx, request, key)
	if errors.Is(err, keywright.ErrUnavailable) {
		issued, err = client.CreateToken(ctx, request, key)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issued.Token.ID, issued.APIKey.Reveal())
}
