package delivery

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Folder is a folder of secret files, each with nothing in it but the secret, readable by its owner alone. A file is replaced
// as a whole; links are not followed out of the folder.
type Folder struct{ root *os.Root }

// OpenFolder opens a folder that exists and that only its owner may enter.
func OpenFolder(path string) (*Folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is no folder that its owner alone may enter (chmod 700)", path)
	}
	root, err := os.OpenRoot(path)
	return &Folder{root}, err
}

// Put writes beside the file and renames, so that whoever reads it has the old secret or the new one, whole.
func (f *Folder) Put(ctx context.Context, path, secret string, still func(context.Context) error) (err error) {
	if err := f.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return refused(err)
	}
	lock, err := f.root.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return refused(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := still(ctx); err != nil {
		return err
	}
	beside := path + ".new"
	if err := f.write(beside, secret); err != nil {
		return refused(err)
	}
	if err := f.root.Rename(beside, path); err != nil {
		return refused(err)
	}
	if folder, err := f.root.Open(filepath.Dir(path)); err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
		if err != nil {
			return err
		}
	}
	got, err := f.root.ReadFile(path)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(got, []byte(secret)) != 1 {
		return ErrDiffers
	}
	return nil
}

func (f *Folder) write(path, secret string) error {
	if err := f.root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(secret)
	return errors.Join(err, file.Sync(), file.Close())
}

// refused marks what trying again does not mend.
func refused(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ELOOP) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}
