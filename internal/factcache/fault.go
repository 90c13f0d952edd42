package factcache

// Fault names a bug that is planted on purpose: the suite that watches over the promise of revocation has to catch each
// of them. The empty Fault is none, and the only one of a server that is in use.
type Fault string

// The faults of what is told to followers.
const (
	FaultFollowerNotWaited    Fault = "follower_not_waited"    // changes return before followers have forgotten
	FaultFollowerOutlivesNode Fault = "follower_outlives_node" // followers get leases beyond the end of their node's own
)
