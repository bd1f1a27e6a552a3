package testservers

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// MoxAdminPassword opens the admin API of every mox started here.
const MoxAdminPassword = "administrator-of-tests"

// MoxOptions says what mox to start. The zero value has no domain and no
// account but the postmaster's.
type MoxOptions struct {
	// Hostname is what the server calls itself; "mx.new.example" if empty.
	Hostname string
	// CA signs the certificate; nil makes one for this server.
	CA *CA
	// Certificate is what the server claims to be; localhost, 127.0.0.1 and
	// Hostname if empty.
	Certificate Certificate
}

// Mox is a running mox, in its production mode (mox serve): it refuses unknown
// recipients and queues what is not for itself, unlike mox localserve. The
// queue is held: see Queue and Deliver.
type Mox struct {
	// Host is what the certificate is valid for, unless it was told otherwise.
	Host string
	// SMTPAddr receives mail as an MX (with STARTTLS), SubmissionAddr takes it
	// from users (with STARTTLS), SubmissionsAddr with implicit TLS. IMAPAddr
	// and IMAPSAddr serve mailboxes with STARTTLS and implicit TLS.
	SMTPAddr, SubmissionAddr, SubmissionsAddr, IMAPAddr, IMAPSAddr string
	// AdminURL is the base of the admin API, in clear on loopback; AdminTLSURL
	// the same under the server's certificate. Both end in a slash.
	AdminURL, AdminTLSURL string
	// Config is mox.conf, for the mox command's -config flag.
	Config string
	// Dir holds everything of the server.
	Dir string
	// CA verifies the server.
	CA *CA

	t       testing.TB
	opts    MoxOptions
	user    user
	binary  string
	process *process
}

// StartMox starts a server and stops it when the test ends.
func StartMox(t testing.TB, opts MoxOptions) *Mox {
	t.Helper()
	if opts.Hostname == "" {
		opts.Hostname = "mx.new.example"
	}
	if len(opts.Certificate.Names) == 0 {
		opts.Certificate.Names = []string{"localhost", "127.0.0.1", opts.Hostname}
	}
	m := &Mox{Host: "localhost", t: t, opts: opts, user: serverUser(t)}
	cached := cachedMox(t)
	m.CA = opts.CA.orNew(t)
	t.Cleanup(m.Stop)
	startOnce(t, "mox", func() error {
		if err := m.prepare(cached); err != nil {
			return err
		}
		return m.run()
	})
	return m
}

// cachedMox returns the binary tools/prepare built, or ends the test.
func cachedMox(t testing.TB) string {
	t.Helper()
	cache, err := CacheDir()
	if err != nil {
		missing(t, err)
	}
	path := filepath.Join(cache, "bin", "mox")
	if !executable(path) {
		missing(t, fmt.Errorf("mox is not built: %s does not exist (run make prepare)", path))
	}
	return path
}

// prepare chooses directory and ports and writes all files.
func (m *Mox) prepare(cached string) error {
	m.Dir = m.user.workDir(m.t)
	m.Config = filepath.Join(m.Dir, "config", "mox.conf")
	if err := os.MkdirAll(filepath.Join(m.Dir, "data"), 0o755); err != nil {
		return err
	}
	if err := m.place(cached); err != nil {
		return err
	}
	ports, err := freePorts(m.t, moxPorts)
	if err != nil {
		return err
	}
	m.setAddresses(ports)
	cert, key, err := m.CA.issueFiles(m.user, filepath.Dir(m.Config), m.opts.Certificate)
	if err != nil {
		return err
	}
	if err := m.writeConfig(cert, key); err != nil {
		return err
	}
	return m.user.own(m.Dir)
}

// place gives the server's user a binary it can reach: the cache may lie in a
// home directory closed to everybody else.
func (m *Mox) place(cached string) error {
	m.binary = cached
	if !m.user.switched {
		return nil
	}
	text, err := os.ReadFile(cached)
	if err != nil {
		return fmt.Errorf("read mox: %w", err)
	}
	m.binary = filepath.Join(m.Dir, "mox")
	return os.WriteFile(m.binary, text, 0o755)
}

const moxPorts = 7

func (m *Mox) setAddresses(ports []int) {
	m.SMTPAddr, m.SubmissionAddr, m.SubmissionsAddr = loopback(ports[0]), loopback(ports[1]), loopback(ports[2])
	m.IMAPAddr, m.IMAPSAddr = loopback(ports[3]), loopback(ports[4])
	m.AdminURL = "http://" + loopback(ports[5]) + "/admin/"
	m.AdminTLSURL = "https://" + loopback(ports[6]) + "/admin/"
}

// run starts the prepared server and waits until it serves.
func (m *Mox) run() error {
	c, err := m.command()
	if err != nil {
		return err
	}
	defer closeAll(c.files)
	m.process, err = m.user.serve(c, filepath.Join(m.Dir, "mox.log"), m.probe)
	if err != nil {
		return err
	}
	return m.holdQueue()
}

func (m *Mox) probe() error {
	if err := greets(m.IMAPAddr, "* OK"); err != nil {
		return err
	}
	if err := greets(m.SMTPAddr, "220"); err != nil {
		return err
	}
	answer, err := http.Get(m.AdminURL)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// command hands the listening sockets and the key pair down the way mox's
// own privileged parent does: it will not serve without one, and refuses to
// bind sockets as an ordinary user.
func (m *Mox) command() (command, error) {
	c := command{path: m.binary, args: []string{"-config", m.Config, "serve"}, dir: m.Dir}
	var names []string
	for _, addr := range m.addresses() {
		file, err := listeningSocket(addr)
		if err != nil {
			closeAll(c.files)
			return command{}, err
		}
		c.files, names = append(c.files, file), append(names, addr)
	}
	c.env = append(c.env, "MOX_SOCKETS="+strings.Join(names, ","))
	var passed []string
	for _, name := range []string{"server.crt", "server.key"} {
		file, err := os.Open(filepath.Join(filepath.Dir(m.Config), name))
		if err != nil {
			closeAll(c.files)
			return command{}, err
		}
		c.files, passed = append(c.files, file), append(passed, file.Name())
	}
	c.env = append(c.env, "MOX_FILES="+strings.Join(passed, ","))
	return c, nil
}

func (m *Mox) addresses() []string {
	addrs := []string{m.SMTPAddr, m.SubmissionAddr, m.SubmissionsAddr, m.IMAPAddr, m.IMAPSAddr}
	for _, url := range []string{m.AdminURL, m.AdminTLSURL} {
		_, rest, _ := strings.Cut(url, "://")
		host, _, _ := strings.Cut(rest, "/")
		addrs = append(addrs, host)
	}
	return addrs
}

func listeningSocket(addr string) (*os.File, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.(*net.TCPListener).File()
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Stop ends the server; its files stay until the test ends.
func (m *Mox) Stop() { m.process.stop() }

// Kill ends the server as a power cut would.
func (m *Mox) Kill() { m.process.kill() }

// Restart stops the server, if it runs, and starts it on the same ports.
func (m *Mox) Restart() {
	m.t.Helper()
	m.Stop()
	if err := m.run(); err != nil {
		m.t.Fatalf("restart mox: %v", err)
	}
}

// Log returns the end of the server's log.
func (m *Mox) Log() string { return m.process.tail() }
