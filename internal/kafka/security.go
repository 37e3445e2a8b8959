package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookline-io/hookline/internal/certificate"
	"github.com/hookline-io/hookline/internal/secret"
)

// SecurityOptions are the flags that say how the brokers and we know each other. What they name is read again for each
// connection, so that a password, token or certificate that is replaced in its place needs no restart; only CA is read
// once.
type SecurityOptions struct {
	TLS  bool   `name:"tls" help:"Talk to the brokers through TLS 1.2 or later. --kafka-ca and --kafka-cert imply it."`
	CA   string `name:"ca" type:"path" placeholder:"PATH" help:"PEM file of the authorities that sign the brokers' certificates, in place of the system's."`
	Cert string `name:"cert" type:"path" placeholder:"PATH" help:"PEM file of our certificate, with those between it and its authority, for brokers that know clients by it (mTLS)."`
	Key  string `name:"key" type:"path" placeholder:"PATH" help:"PEM file of the certificate's private key."`

	SASL     Mechanism  `name:"sasl" default:"none" enum:"none,plain,scram-sha-256,scram-sha-512,oauthbearer" help:"How to log in: ${enum}. Use plain and oauthbearer with TLS only: they show the password or token to who can read the connection."`
	User     string     `name:"user" help:"User to log in as; with --kafka-token-url, the client ID."`
	Password secret.Ref `name:"password" placeholder:"REF" help:"Where the user's password, or the client secret, is kept: env:NAME or file:/path."`
	Token    secret.Ref `name:"token" placeholder:"REF" help:"Where the token for oauthbearer is kept: env:NAME or file:/path, such as the file of a Kubernetes service account."`
	TokenURL string     `name:"token-url" placeholder:"URL" help:"Where to get a token for oauthbearer with the client ID and secret (OAuth 2.0 client credentials)."`
	Scopes   []string   `name:"scopes" placeholder:"SCOPE" help:"Scopes of the token to ask --kafka-token-url for."`
}

// Encrypted says whether connections are encrypted.
func (o SecurityOptions) Encrypted() bool { return o.TLS || o.CA != "" || o.Cert != "" }

// Readable says whether who can read the connection learns a password or token.
func (o SecurityOptions) Readable() bool {
	return !o.Encrypted() && (o.SASL == Plain || o.SASL == OAuthBearer)
}

func (o SecurityOptions) certificates() certificate.Client {
	return certificate.Client{CA: o.CA, Cert: o.Cert, Key: o.Key}
}

func (o SecurityOptions) clientOptions() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if o.Encrypted() {
		config, err := o.certificates().Config("--kafka-")
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	mechanism, err := o.mechanism()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}
