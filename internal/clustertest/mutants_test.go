package clustertest

import (
	"slices"

	"github.com/keywright/keywright/internal/factcache"
)

// mutant is a server with a bug, and what brings it to light.
type mutant struct {
	bug   factcache.Fault
	fault string
}

func mutants() []mutant {
	return []mutant{
		{factcache.FaultNoWait, "nothing"},
		{factcache.FaultNoLeaseCheck, "the database is cut off"},
		{factcache.FaultLeaseFromArrival, "answers are late, then the database is cut off"},
		{factcache.FaultLateRenewal, "renewals are held, and then delivered before anything else"},
		{factcache.FaultAnswerBeforeCatchingUp, "the database is cut off"},
		{factcache.FaultNoFillGuard, "what verifications read comes late"},
		{factcache.FaultAcknowledgeBeforeForget, "the database is far away"},
		{factcache.FaultNotifyOnly, "those who listen are thrown out"},
		{factcache.FaultFollowerNotWaited, "nothing"},
		{factcache.FaultFollowerOutlivesNode, "a server is killed and started again"},
	}
}

const mostTries = 20 // until a bug is caught

// hunt inflicts the fault until there is a violation, and returns at which try that was.
func (c *cluster) hunt(m mutant) (tries int, last round) {
	f := faults()[slices.IndexFunc(faults(), func(f fault) bool { return f.name == m.fault })]
	for tries = 1; tries <= mostTries; tries++ {
		if last = c.run(f, c.nodes[tries%len(c.nodes)]); last.violations() > 0 {
			break
		}
	}
	return tries, last
}
