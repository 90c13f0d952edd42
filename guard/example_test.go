package guard_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/keywright/keywright"
	"github.com/keywright/keywright/guard"
)

// An API whose handlers are called for those alone who may.
func Example() {
	client := keywright.NewClient("https://keys.example.com", os.Getenv("KEYWRIGHT_API_KEY"))
	keys := guard.New(client, guard.WithAudience("invoices"))
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := keys.Close(ctx); err != nil {
			log.Print(err)
		}
	}()

	list := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := guard.FromContext(r.Context())
		fmt.Fprintf(w, "the invoices of %s, for %s\n", token.Account, token.Label)
	})
	http.Handle("GET /invoices", keys.Require("invoices:read")(list))
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", nil))
}

// A decision apart from HTTP, such as for the messages of a queue.
func ExampleGuard_Verify() {
	keys := guard.New(keywright.NewClient("https://keys.example.com", os.Getenv("KEYWRIGHT_API_KEY")))
	needed, _ := keywright.ParseScopes("jobs:run")
	verdict, err := keys.Verify(context.Background(), "kw_…", keywright.Access{Scopes: needed})
	switch {
	case err != nil:
		log.Print("not known, try again later: ", err)
	case !verdict.Allowed():
		log.Print("refused: ", verdict.Decision.Reason)
	default:
		log.Print("done for ", verdict.Token.Owner)
	}
}

// A handler is tested without a guard.
func ExampleNewContext() {
	hello := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", guard.FromContext(r.Context()).Owner)
	}
	ctx := guard.NewContext(context.Background(), &keywright.VerifiedToken{Owner: "ada"})
	w := httptest.NewRecorder()
	hello(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	fmt.Print(w.Body)
	// Output:
	// hello, ada
}
