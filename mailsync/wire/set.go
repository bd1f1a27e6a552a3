package wire

import (
	"strconv"
	"strings"
)

// maxSet keeps a command line under what servers take: RFC 7162 §4 asks
// clients to stay below 8192 octets.
const maxSet = 7000

// Set is a sequence set short enough for one command, and the numbers in it.
type Set struct {
	Text string
	Nums []uint32
}

// Sets writes ascending numbers as sequence sets. A range covers only numbers
// that are in the list.
func Sets(nums []uint32) []Set {
	var all []Set
	var b []byte
	start := 0
	for i := 0; i < len(nums); {
		j := i
		for j+1 < len(nums) && nums[j+1]-nums[j] == 1 {
			j++
		}
		if len(b) > maxSet {
			all = append(all, Set{string(b), nums[start:i]})
			b, start = b[:0], i
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(nums[i]), 10)
		if j > i {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(nums[j]), 10)
		}
		i = j + 1
	}
	if len(b) > 0 {
		all = append(all, Set{string(b), nums[start:]})
	}
	return all
}

// ParseSet expands a sequence set in the order it is written, "9:7" downwards.
// ok is false where it is malformed or holds more than most numbers.
func ParseSet(s string, most int) (nums []uint32, ok bool) {
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, isRange := strings.Cut(part, ":")
		a, err1 := strconv.ParseUint(lo, 10, 32)
		z, err2 := a, error(nil)
		if isRange {
			z, err2 = strconv.ParseUint(hi, 10, 32)
		}
		if err1 != nil || err2 != nil || a == 0 || z == 0 {
			return nil, false
		}
		span := max(a, z) - min(a, z) + 1
		if span > uint64(most-len(nums)) {
			return nil, false
		}
		for i := range span {
			if a <= z {
				nums = append(nums, uint32(a+i))
			} else {
				nums = append(nums, uint32(a-i))
			}
		}
	}
	return nums, true
}
