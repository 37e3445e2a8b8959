package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Server is a server's certificate in files. When they are replaced, connections from then on get the new one. A pair
// that cannot be read, such as one of which only half has been replaced yet, changes nothing.
type Server struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  stamp // of the files that pair is from
	failed stamp // of those that were last complained of
}

// stamp tells versions of the two files apart.
type stamp struct {
	certTime, keyTime time.Time
	certSize, keySize int64
}

// NewServer reads the files. Its errors name the flags, which are --tls-cert and --tls-key.
func NewServer(cert, key string, log *slog.Logger) (*Server, error) {
	if cert == "" || key == "" {
		return nil, errors.New("--tls-cert and --tls-key go together: name both")
	}
	s := &Server{cert: cert, key: key, log: log}
	now, err := s.look()
	if err == nil {
		err = s.load(now)
	}
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return s, nil
}

// Config returns the configuration of a listener, for TLS 1.2 or later and HTTP/1.1.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.current(), nil },
	}
}

// Expires is when the certificate in use does.
func (s *Server) Expires() time.Time { return s.current().Leaf.NotAfter }

// current looks at the files first: that costs less than any handshake.
func (s *Server) current() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.look()
	if err == nil && now != s.stamp {
		if err = s.load(now); err == nil {
			s.log.Info("certificate replaced", "expires", s.pair.Leaf.NotAfter)
		}
	}
	if err != nil && now != s.failed {
		s.failed = now
		s.log.Error("certificate not replaced: the one in use stays", "expires", s.pair.Leaf.NotAfter, "err", err)
	}
	return s.pair
}

func (s *Server) load(now stamp) error {
	pair, err := tls.LoadX509KeyPair(s.cert, s.key) // it sets Leaf
	if err != nil {
		return err
	}
	s.pair, s.stamp, s.failed = &pair, now, now
	return nil
}

func (s *Server) look() (stamp, error) {
	cert, err := os.Stat(s.cert)
	if err != nil {
		return stamp{}, err
	}
	key, err := os.Stat(s.key)
	if err != nil {
		return stamp{}, err
	}
	return stamp{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}
