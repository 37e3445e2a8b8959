package engine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hookline-io/hookline/compose/clickhouse"
)

// Owner is the user who may do everything. The others are those of package compose/clickhouse.
const Owner = "owner"

// PasswordFile is where the password of a user is kept, for a folder of the configuration.
func PasswordFile(configDir, user string) string { return filepath.Join(configDir, user+".password") }

// passwords returns the environment that has the password of each user. Those that have none yet get a random one, in
// a file that only this user of the machine can read.
func passwords(configDir string) ([]string, error) {
	var env []string
	for _, user := range append([]string{Owner}, clickhouse.Users()...) {
		password, err := password(PasswordFile(configDir, user))
		if err != nil {
			return nil, fmt.Errorf("prepare the password of ClickHouse's user %s: %w", user, err)
		}
		env = append(env, clickhouse.PasswordVariable(user)+"="+password)
	}
	return env, nil
}

func password(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, os.WriteFile(file, []byte(password), 0o600)
}
