package mailsync

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// plainly is what Hasher computes on the fly, written down plainly.
func plainly(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r"), nil)
	b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	return bytes.ReplaceAll(b, []byte{0}, []byte{0x80})
}

// regular: every CR before an LF, every LF after a CR, no NUL.
func regular(b []byte) bool { return bytes.Equal(plainly(b), b) }

func checkPrint(t *testing.T, b []byte, chunk int) {
	t.Helper()
	h := NewHasher()
	for rest := b; len(rest) > 0; {
		n := min(max(chunk, 1), len(rest))
		if _, err := h.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	want := Print{Digest: sha256.Sum256(b), Plain: sha256.Sum256(plainly(b)), Octets: int64(len(b))}
	if got := h.Print(); got != want {
		t.Fatalf("%q in chunks of %d: got %v, want %v", b, chunk, got, want)
	}
	if regular(b) != (want.Plain == want.Digest) {
		t.Fatalf("%q: regular is %v", b, regular(b))
	}
}

func TestPrintOfEveryShortMessage(t *testing.T) {
	alphabet := []byte{'a', '\r', '\n', 0}
	for length := range 7 {
		total := 1 << (2 * length)
		for n := range total {
			b := make([]byte, length)
			for i := range b {
				b[i] = alphabet[n>>(2*i)&3]
			}
			for chunk := 1; chunk <= max(length, 1); chunk++ {
				checkPrint(t, b, chunk)
			}
		}
	}
}

func FuzzPrint(f *testing.F) {
	f.Add([]byte("a\r\r\nb"), 2)
	f.Fuzz(func(t *testing.T, b []byte, chunk int) { checkPrint(t, b, chunk%9000) })
}
