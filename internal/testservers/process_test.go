package testservers

import (
	"bufio"
	"crypto/tls"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServersLeaveNothingBehind starts each server in a subtest and looks,
// after the subtest's cleanups, for its processes, its port and its files.
func TestServersLeaveNothingBehind(t *testing.T) {
	type running struct {
		process   *process
		addr, dir string
	}
	servers := map[string]func(*testing.T) running{
		"Dovecot": func(t *testing.T) running {
			d := StartDovecot(t, DovecotOptions{Users: []User{{Name: "alice", Password: "s3cret"}}})
			login(t, d, "alice", "s3cret") // has a child of its own
			return running{d.process, d.Addr, d.Dir}
		},
		"Cyrus": func(t *testing.T) running {
			c := StartCyrus(t, CyrusOptions{})
			cyrusLogin(t, c, "alice")
			return running{c.process, c.Addr, c.Dir}
		},
		"mox": func(t *testing.T) running {
			m := StartMox(t, MoxOptions{})
			return running{m.process, m.IMAPAddr, m.Dir}
		},
		"Knot": func(t *testing.T) running {
			k := StartKnot(t, dnsOptions())
			return running{k.process, k.Addr, k.Dir}
		},
		"BIND": func(t *testing.T) running {
			b := StartBIND(t, dnsOptions())
			return running{b.process, b.Addr, b.Dir}
		},
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			var left running
			ran := t.Run("runs", func(t *testing.T) { left = start(t) })
			if !ran || left.process == nil {
				t.Skip("it did not run")
			}
			if groupAlive(left.process.cmd.Process.Pid) {
				t.Error("a process of the server is left")
			}
			if err := greets(left.addr, ""); err == nil {
				t.Error("somebody still listens on the server's port")
			}
			if _, err := os.Stat(left.dir); !os.IsNotExist(err) {
				t.Errorf("the server's directory is left: %v", err)
			}
		})
	}
}

func TestStopEndsAServerThatWillNot(t *testing.T) {
	u := serverUser(t)
	dir := u.workDir(t)
	sleeper, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	p, err := u.launch(command{path: sleeper, args: []string{"600"}, dir: "/"}, dir+"/log")
	if err != nil {
		t.Fatal(err)
	}
	if !groupAlive(p.cmd.Process.Pid) {
		t.Fatal("a running process is not seen")
	}
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p.stop()
	if groupAlive(p.cmd.Process.Pid) {
		t.Error("a stopped process survived")
	}
}

func TestAServerThatCannotStartShowsItsLog(t *testing.T) {
	u := serverUser(t)
	dir := u.workDir(t)
	list, err := exec.LookPath("ls")
	if err != nil {
		t.Skip(err)
	}
	_, err = u.serve(command{path: list, args: []string{"/no/such/place"}, dir: "/"}, dir+"/log", func() error {
		return os.ErrNotExist
	})
	if err == nil || !strings.Contains(err.Error(), "/no/such/place") {
		t.Errorf("got %v", err)
	}
}

func TestCertificatesAreWhatTheyWereAskedToBe(t *testing.T) {
	for name, test := range map[string]struct {
		want Certificate
		says string
	}{
		"valid":         {Certificate{}, ""},
		"another name":  {Certificate{Names: []string{"mail.other.example"}}, "mail.other.example"},
		"expired":       {Certificate{Expired: true}, "expired"},
		"valid by name": {Certificate{Names: []string{"localhost"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := StartDovecot(t, DovecotOptions{Certificate: test.want})
			err := handshake(d)
			if test.says == "" && err != nil {
				t.Error(err)
			}
			if test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want an error with %q", err, test.says)
			}
		})
	}
}

func handshake(d *Dovecot) error {
	conn, err := tls.Dial("tcp", d.IMAPSAddr, d.CA.ClientTLS(d.Host))
	if err != nil {
		return err
	}
	return conn.Close()
}

// The child process of TestServersEndWithAKilledTestBinary.
const killedHelper = "TESTSERVERS_KILLED_HELPER"

func TestServersEndWithAKilledTestBinary(t *testing.T) {
	if os.Getenv(killedHelper) != "" {
		k := StartKnot(t, dnsOptions())
		if _, err := os.Stdout.WriteString(strconv.Itoa(k.process.cmd.Process.Pid) + "\n"); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with their parent")
	}
	need(t, "knotd")
	helper := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	helper.Env = append(os.Environ(), killedHelper+"=1", "TMPDIR="+helperDir(t))
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	group, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || !groupAlive(group) {
		t.Fatalf("the server of the helper, %q, does not run: %v", line, err)
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	for range int(stopPatience / pollEvery) {
		if !groupAlive(group) {
			return
		}
		time.Sleep(pollEvery)
	}
	endGroup(group)
	t.Error("the server outlived the test binary that started it")
}

// helperDir is removed with this test: the killed helper cannot clean up.
func helperDir(t *testing.T) string {
	t.Helper()
	u := serverUser(t)
	dir := u.workDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
