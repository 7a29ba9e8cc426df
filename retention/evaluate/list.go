package evaluate

import "sort"

// list is a growing list in blocks: it never copies what it holds, so that growing takes no memory twice.
type list[T any] struct {
	blocks [][]T
	n      int
}

const (
	blockBits = 13
	blockSize = 1 << blockBits
)

func (l *list[T]) len() int { return l.n }

// at is the i-th element. The pointer stays good until the list is sorted or cut.
func (l *list[T]) at(i int) *T { return &l.blocks[i>>blockBits][i&(blockSize-1)] }

// add appends an element. The first block grows from small: most lists are.
func (l *list[T]) add(v T) {
	block := l.n >> blockBits
	if block == len(l.blocks) {
		var fresh []T
		if block > 0 {
			fresh = make([]T, 0, blockSize)
		}
		l.blocks = append(l.blocks, fresh)
	}
	l.blocks[block] = append(l.blocks[block], v)
	l.n++
}

// cut drops everything from the n-th element on.
func (l *list[T]) cut(n int) {
	l.blocks = l.blocks[:(n+blockSize-1)>>blockBits]
	if rest := n & (blockSize - 1); rest > 0 {
		l.blocks[len(l.blocks)-1] = l.blocks[len(l.blocks)-1][:rest]
	}
	l.n = n
}

// sort sorts in place.
func (l *list[T]) sort(less func(a, b *T) bool) { sort.Sort(byOrder[T]{l, less}) }

type byOrder[T any] struct {
	l    *list[T]
	less func(a, b *T) bool
}

func (s byOrder[T]) Len() int           { return s.l.n }
func (s byOrder[T]) Less(i, j int) bool { return s.less(s.l.at(i), s.l.at(j)) }
func (s byOrder[T]) Swap(i, j int)      { a, b := s.l.at(i), s.l.at(j); *a, *b = *b, *a }
