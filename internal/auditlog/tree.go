package auditlog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// maxLevels is more than a tree of events ever has.
const maxLevels = 48

// Frontier is the part of a tree that it needs to grow: its size and, for each bit of
// the size, the root of the full subtree that the bit stands for. The zero value is the empty tree; a
// copy grows by itself.
type Frontier struct {
	size  int64
	roots [maxLevels]Hash // by level
}

// Size is how many leaves there are.
func (f *Frontier) Size() int64 { return f.size }

// Append adds a leaf and returns the hashes to be stored with it: its own, then the roots of the
// subtrees that it fills, from the lowest. They are tlog.StoredHashes' of the leaf.
func (f *Frontier) Append(leaf Hash) []Hash {
	hashes, err := tlog.StoredHashesForRecordHash(f.size, leaf, tlog.HashReaderFunc(f.read))
	if err != nil {
		panic(err) // read does not fail
	}
	top := len(hashes) - 1
	f.roots[top] = hashes[top]
	f.size++
	return hashes
}

// Root is the hash of the tree.
func (f *Frontier) Root() Hash {
	root, err := tlog.TreeHash(f.size, tlog.HashReaderFunc(f.read))
	if err != nil {
		panic(err) // read does not fail
	}
	return root
}

// read knows only the roots of the frontier: neither growing nor Root asks for others.
func (f *Frontier) read(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, _ := tlog.SplitStoredHashIndex(index)
		hashes[i] = f.roots[level]
	}
	return hashes, nil
}

// LoadFrontier reads the frontier of a stored tree of the size.
func LoadFrontier(size int64, read Reader) (f Frontier, err error) {
	f.size = size
	for level := range maxLevels {
		if size>>level&1 == 0 {
			continue
		}
		if f.roots[level], err = read(node(level, size>>level-1)); err != nil {
			return Frontier{}, fmt.Errorf("read the audit trail's tree: %w", err)
		}
	}
	return f, nil
}

// Reader returns a stored hash.
type Reader func(Node) (Hash, error)

// Node says where a hash is stored: it is number At, from 0, of those that Append returned for a leaf.
type Node struct {
	Leaf int64 // from 0
	At   int
}

// node is the n-th node of a level: it is full with its last leaf.
func node(level int, n int64) Node { return Node{Leaf: (n+1)<<level - 1, At: level} }

// stored is the reader as tlog calls it.
func (read Reader) stored(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		var err error
		if hashes[i], err = read(node(tlog.SplitStoredHashIndex(index))); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// Root is the hash of the tree when it had size leaves.
func Root(size int64, read Reader) (Hash, error) {
	return tlog.TreeHash(size, tlog.HashReaderFunc(read.stored))
}

// ProveInclusion proves that the tree of the size holds the leaf (RFC 6962 section 2.1.1).
func ProveInclusion(size, leaf int64, read Reader) ([]Hash, error) {
	return tlog.ProveRecord(size, leaf, tlog.HashReaderFunc(read.stored))
}

// CheckInclusion holds such a proof against the checkpoint.
func CheckInclusion(proof []Hash, c Checkpoint, leaf int64, hash Hash) error {
	return tlog.CheckRecord(proof, c.Size, c.Root, leaf, hash)
}

// ProveConsistency proves that the tree of the later size begins with that of the earlier one (RFC 6962 section 2.1.2).
func ProveConsistency(from, to int64, read Reader) ([]Hash, error) {
	if from == 0 {
		return []Hash{}, nil // everything begins with nothing
	}
	return tlog.ProveTree(to, from, tlog.HashReaderFunc(read.stored))
}

// CheckConsistency holds such a proof against two checkpoints.
func CheckConsistency(proof []Hash, from, to Checkpoint) error {
	if from.Size == 0 && len(proof) == 0 {
		return nil
	}
	return tlog.CheckTree(proof, to.Size, to.Root, from.Size, from.Root)
}
