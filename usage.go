package keywright

// The doors by which a token is used, as its usage names them. A dialect's door has the dialect's name.
const (
	DoorREST       = "rest"
	DoorVerify     = "verify"
	DoorToken      = "token"
	DoorIntrospect = "introspect"
	DoorRevoke     = "revoke"
)
