package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who Postgres runs as: ourselves, or somebody else when we are root, as which it refuses to run.
type account struct {
	name       string
	uid, gid   int
	credential *syscall.Credential
}

// accountFor is the owner of an existing folder, else postgres, else nobody; for anyone but root it is themselves.
func accountFor(dir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{name: strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if s, err := os.Stat(dir); err == nil {
		if owner, ok := s.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return otherAccount(strconv.Itoa(int(owner.Uid)), int(owner.Uid), int(owner.Gid)), nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return account{}, err
		}
		return otherAccount(name, uid, gid), nil
	}
	return account{}, fail(ErrNotPermitted, "Postgres does not run as root, and this machine has neither an account postgres nor nobody: run as a plain user")
}

func otherAccount(name string, uid, gid int) account {
	return account{name, uid, gid, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}}
}

// command runs as the account and inherits nothing that would steer Postgres elsewhere.
func (a account) command(program string, arguments ...string) *exec.Cmd {
	c := exec.Command(program, arguments...)
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	return c
}

func (a account) explain(err error) error {
	if a.credential != nil && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL)) {
		return fail(ErrNotPermitted, "Postgres does not run as root, and this process may not become %s: run as a plain user (%v)", a.name, err)
	}
	return err
}

func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

func (a account) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return a.own(path)
}

// reaches tells whether the account can enter dir, by trying; the error is about the program, not the folder.
func (a account) reaches(dir string, b Binaries) (bool, error) {
	if a.credential == nil {
		return true, nil
	}
	c := a.command(b.path("postgres"), "--version")
	c.Dir = "/"
	if err := c.Run(); err != nil {
		return false, fmt.Errorf("account %s cannot run %s: %w", a.name, b.path("postgres"), a.explain(err))
	}
	c = a.command(b.path("postgres"), "--version")
	c.Dir = dir
	return c.Run() == nil, nil
}

// settle makes the folder and gives it to the account Postgres will run as.
func settle(o PostgresOptions, b Binaries) (home, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return home{}, err
	}
	// Others may pass through the folders above, which hold nothing they could list or read.
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return home{}, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	} else if target, linked := os.Readlink(dir); linked == nil {
		dir = target // what it points to was removed and is made anew
	}
	h, err := inhabit(dir)
	if err != nil {
		return home{}, err
	}
	reached, err := h.account.reaches(h.dir, b)
	if err != nil || reached {
		return h, err
	}
	if err := os.Remove(dir); err != nil {
		return home{}, h.unreachable()
	}
	return elsewhere(o, dir, b)
}

func (h home) unreachable() error {
	return fail(ErrNotPermitted, "account %s, as which Postgres runs, cannot reach %s: let it pass (chmod o+x) through the folders above",
		h.account.name, h.dir)
}

func inhabit(dir string) (home, error) {
	a, err := accountFor(dir)
	if err != nil {
		return home{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return home{}, err
	}
	return home{dir: dir, account: a}, a.own(dir)
}

// elsewhere moves the database to where the account can reach it and leaves a link.
func elsewhere(o PostgresOptions, dir string, b Binaries) (home, error) {
	base := o.Elsewhere
	if base == "" {
		base = "/var/lib/chancery"
	}
	if err := os.MkdirAll(base, 0o711); err != nil {
		return home{}, err
	}
	place := filepath.Join(base, fmt.Sprintf("pg-%x", sha256.Sum256([]byte(dir)))[:16])
	// Without its link whatever lies there was given up.
	if err := Remove(place); err != nil {
		return home{}, err
	}
	h, err := inhabit(place)
	if err != nil {
		return home{}, err
	}
	if reached, err := h.account.reaches(h.dir, b); err != nil || !reached {
		return home{}, errors.Join(err, h.unreachable())
	}
	o.Log.Warn("the account Postgres runs as cannot reach the wanted folder: the database lies elsewhere",
		"account", h.account.name, "wanted", dir, "folder", h.dir)
	return h, os.Symlink(h.dir, dir)
}
