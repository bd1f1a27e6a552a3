package wire

import "math"

// Number reports whether the next token of the response begins with a digit.
func (r *Reader) Number() (bool, error) {
	if err := r.skipLiteral(); err != nil || !r.open {
		return false, err
	}
	b, err := r.skipSpace()
	if err != nil {
		return false, err
	}
	r.back()
	return digit(b), nil
}

// Ranges reads a sequence set (RFC 3501 §9) without "*", and tells its parts
// ascending within themselves, "9:7" as 7 to 9. It is never held: the set of a
// folder from which half was deleted is one word of many megabytes.
func (r *Reader) Ranges(part func(first, last uint32) error) error {
	for {
		first, b, err := r.member()
		if err != nil {
			return err
		}
		last := first
		if b == ':' {
			if last, b, err = r.member(); err != nil {
				return err
			}
			if b == ':' {
				return protocol("a range of three numbers")
			}
		}
		if err := part(min(first, last), max(first, last)); err != nil {
			return err
		}
		if b != ',' {
			r.back()
			return nil
		}
	}
}

// member reads digits and the octet behind them, which is one of ",: )" or
// begins the line end.
func (r *Reader) member() (uint32, byte, error) {
	n := uint64(0)
	for {
		b, err := r.readByte()
		switch {
		case err != nil:
			return 0, 0, err
		case digit(b):
			if n = n*10 + uint64(b-'0'); n > math.MaxUint32 {
				return 0, 0, protocol("a set with a number beyond counting")
			}
			continue
		case n == 0 || b != ',' && b != ':' && b != ' ' && b != ')' && b != '\r' && b != '\n':
			return 0, 0, protocol("a set with %q after %d", b, n)
		}
		return uint32(n), b, nil
	}
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
