package demo

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed vendors.yaml
var sampleVendors []byte

var secretFile = regexp.MustCompile(`file:(secrets/[a-z-]+)`)

// WriteSample writes the demo's vendors.yaml to folder, and a random secret for each vendor. It leaves files that
// exist alone, and returns the path of vendors.yaml.
func WriteSample(folder string) (string, error) {
	for _, m := range secretFile.FindAllSubmatch(sampleVendors, -1) {
		name := filepath.Join(folder, filepath.FromSlash(string(m[1])))
		if err := writeNew(name, []byte(NewSecret(strings.HasSuffix(name, "sakura-resale"))), 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(folder, "vendors.yaml")
	return path, writeNew(path, sampleVendors, 0o644)
}

// NewSecret returns a random secret: in the form of Standard Webhooks (whsec_ and base64), or plain.
func NewSecret(standard bool) string {
	random := make([]byte, 24)
	rand.Read(random) // never fails: see crypto/rand
	if standard {
		return "whsec_" + base64.StdEncoding.EncodeToString(random)
	}
	return hex.EncodeToString(random)
}

func writeNew(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the sample: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the sample: %w", err)
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return fmt.Errorf("write the sample: %w", err)
	}
	return f.Close()
}
