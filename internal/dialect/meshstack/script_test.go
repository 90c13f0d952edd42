package meshstack_test

import (
	"testing"

	"github.com/keywright/keywright/internal/dialect/wiretest"
)

func TestScripts(t *testing.T) { wiretest.Run(t, "testdata") }
