package registry

import "github.com/chancery-dev/chancery/services/registry/internal/contract"

// CheckContract says why registry would refuse a document as a contract, with file and line; nil if it would not.
func CheckContract(file string, document []byte) error {
	_, err := contract.Read(file, document)
	return err
}
