package factcache

// Fault names a bug that is planted on purpose: the suite that watches over the promise of revocation has to catch each
// of them. The empty Fault is none, and the only one of a server that is in use.
type Fault string

// The faults of a node.
const (
	FaultNoWait                  Fault = "no_wait"                   // changes return before other nodes have forgotten
	FaultNoLeaseCheck            Fault = "no_lease_check"            // memory answers whether there is a lease or not
	FaultLeaseFromArrival        Fault = "lease_from_arrival"        // a lease is counted from when the answer came
	FaultNoFillGuard             Fault = "no_fill_guard"             // what was read before a change is remembered after it
	FaultAcknowledgeBeforeForget Fault = "acknowledge_before_forget" // others are told that a change is forgotten here before it is
	FaultNotifyOnly              Fault = "notify_only"               // what was not notified is taken for applied
	FaultLateRenewal             Fault = "late_renewal"              // a renewal counts that is answered after the lease was over
	FaultAnswerBeforeCatchingUp  Fault = "answer_before_catching_up" // memory answers from the moment a lease is there
)

// The faults of what is told to followers.
const (
	FaultFollowerNotWaited    Fault = "follower_not_waited"    // changes return before followers have forgotten
	FaultFollowerOutlivesNode Fault = "follower_outlives_node" // followers get leases beyond the end of their node's own
)
