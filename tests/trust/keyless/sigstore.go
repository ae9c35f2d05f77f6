package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/digitorus/timestamp"
)

var (
	oidIssuer    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	oidOldIssuer = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
	oidSCT       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	oidEKU       = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidStamping  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func b64(bytes []byte) string { return base64.StdEncoding.EncodeToString(bytes) }

func sum(bytes ...[]byte) []byte {
	hash := sha256.New()
	for _, one := range bytes {
		hash.Write(one)
	}
	return hash.Sum(nil)
}

// sigstore is an authority, its logs and its timestamps, all of our own.
type sigstore struct {
	now                                time.Time
	root, between, stampBetween, stamp *x509.Certificate
	betweenKey, stampKey               *ecdsa.PrivateKey
	rekor, ctlog                       *ecdsa.PrivateKey
}

func key(curve elliptic.Curve) *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(curve, rand.Reader)) }

func issue(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	der := must(x509.CreateCertificate(rand.Reader, template, parent, public, by))
	return must(x509.ParseCertificate(der))
}

func newSigstore(now time.Time) *sigstore {
	s := &sigstore{now: now, rekor: key(elliptic.P256()), ctlog: key(elliptic.P256())}
	rootKey := key(elliptic.P384())
	authority := func(name string, usage []x509.ExtKeyUsage, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"example"}},
			NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(9, 0, 0),
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: usage, BasicConstraintsValid: true, IsCA: true,
		}
		if parent == nil {
			parent = template
		}
		return issue(template, parent, public, by)
	}
	s.root = authority("root", nil, nil, rootKey.Public(), rootKey)
	s.betweenKey = key(elliptic.P384())
	s.between = authority("issuer", []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, s.root, s.betweenKey.Public(), rootKey)
	stampBetweenKey := key(elliptic.P384())
	s.stampBetween = authority("stamps", []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, s.root, stampBetweenKey.Public(), rootKey)
	s.stampKey = key(elliptic.P256())
	s.stamp = issue(&x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "stamp"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(8, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidEKU, Critical: true, Value: must(asn1.Marshal([]asn1.ObjectIdentifier{oidStamping}))}},
	}, s.stampBetween, s.stampKey.Public(), stampBetweenKey)
	return s
}

// leaf is what a certificate says and what is wrong with it.
type leaf struct {
	subject, issuer string
	from            time.Time
	noIssuer        bool
	oldIssuerOnly   bool
	usage           x509.ExtKeyUsage
	noSCT           bool
	ctlog           *ecdsa.PrivateKey
	twoNames        bool
}

func (s *sigstore) certificate(l leaf) (*x509.Certificate, *ecdsa.PrivateKey) {
	private := key(elliptic.P256())
	if l.usage == 0 {
		l.usage = x509.ExtKeyUsageCodeSigning
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: l.from, NotAfter: l.from.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{l.usage},
		URIs: []*url.URL{must(url.Parse(l.subject))},
	}
	if l.twoNames {
		template.EmailAddresses = []string{"someone@example.com"}
	}
	if !l.noIssuer {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidOldIssuer, Value: []byte(l.issuer)})
		if !l.oldIssuerOnly {
			template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidIssuer, Value: must(asn1.MarshalWithParams(l.issuer, "utf8"))})
		}
	}
	plain := issue(template, s.between, private.Public(), s.betweenKey)
	if l.noSCT {
		return plain, private
	}
	if l.ctlog == nil {
		l.ctlog = s.ctlog
	}
	stamp := make([]byte, 8)
	binary.BigEndian.PutUint64(stamp, uint64(l.from.UnixMilli()))
	tbs := plain.RawTBSCertificate
	signed := append([]byte{0, 0}, stamp...)
	signed = append(signed, 0, 1)
	signed = append(signed, sum(s.between.RawSubjectPublicKeyInfo)...)
	signed = append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	signed = append(append(signed, tbs...), 0, 0)
	signature := must(ecdsa.SignASN1(rand.Reader, l.ctlog, sum(signed)))
	sct := append([]byte{0}, logID(&l.ctlog.PublicKey)...)
	sct = append(append(sct, stamp...), 0, 0, 4, 3, byte(len(signature)>>8), byte(len(signature)))
	sct = append(sct, signature...)
	list := append([]byte{byte((len(sct) + 2) >> 8), byte(len(sct) + 2), byte(len(sct) >> 8), byte(len(sct))}, sct...)
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: oidSCT, Value: must(asn1.Marshal(list))})
	return issue(template, s.between, private.Public(), s.betweenKey), private
}

func public(key *ecdsa.PublicKey) []byte { return must(x509.MarshalPKIXPublicKey(key)) }

func logID(key *ecdsa.PublicKey) []byte { return sum(public(key)) }

func pemOf(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

type object = map[string]any

func encode(value any) []byte { return must(json.Marshal(value)) }

// entry is a log's entry with its promise and its proof.
func (s *sigstore) entry(kind, version string, spec object, at time.Time) object {
	body := encode(object{"apiVersion": version, "kind": kind, "spec": spec})
	id, index := logID(&s.rekor.PublicKey), int64(5)
	payload := encode(object{"body": b64(body), "integratedTime": at.Unix(), "logID": hex.EncodeToString(id), "logIndex": index})
	promise := must(ecdsa.SignASN1(rand.Reader, s.rekor, sum(payload)))
	entry := s.proven(body, index, fmt.Sprintf("rekor.example - %d", 42))
	entry["logIndex"] = fmt.Sprint(index)
	entry["kindVersion"] = object{"kind": kind, "version": version}
	entry["integratedTime"] = fmt.Sprint(at.Unix())
	entry["inclusionPromise"] = object{"signedEntryTimestamp": b64(promise)}
	return entry
}

// proven is an entry without promise: the sixth of seven in a tree.
func (s *sigstore) proven(body []byte, index int64, origin string) object {
	own := sum([]byte{0}, body)
	hashes := [][]byte{}
	for n := range 7 {
		hashes = append(hashes, sum([]byte{0}, []byte{byte(n)}))
	}
	node := func(a, b []byte) []byte { return sum([]byte{1}, a, b) }
	left := node(node(hashes[0], hashes[1]), node(hashes[2], hashes[3]))
	root := node(left, node(node(hashes[4], own), hashes[6]))
	text := fmt.Sprintf("%s\n7\n%s\n", origin, b64(root))
	signature := must(ecdsa.SignASN1(rand.Reader, s.rekor, sum([]byte(text))))
	name := "rekor.example"
	note := fmt.Sprintf("%s\n\u2014 %s %s\n", text, name, b64(append(append([]byte{}, logID(&s.rekor.PublicKey)[:4]...), signature...)))
	return object{
		"logId": object{"keyId": b64(logID(&s.rekor.PublicKey))}, "canonicalizedBody": b64(body),
		"inclusionProof": object{
			"logIndex": fmt.Sprint(index), "treeSize": "7", "rootHash": b64(root),
			"hashes": []string{b64(hashes[4]), b64(hashes[6]), b64(left)}, "checkpoint": object{"envelope": note},
		},
	}
}

// stamped is a timestamp of a signature.
func (s *sigstore) stamped(signature []byte, at time.Time) []byte {
	one := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum(signature), Time: at, SerialNumber: big.NewInt(at.UnixNano()),
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: true,
	}
	return must(one.CreateResponseWithOpts(s.stamp, s.stampKey, crypto.SHA256))
}

func (s *sigstore) trustedRoot() object {
	window := object{"start": s.now.AddDate(-1, 0, 0).Format(time.RFC3339)}
	log := func(key *ecdsa.PrivateKey, address string) object {
		return object{
			"baseUrl": address, "hashAlgorithm": "SHA2_256", "logId": object{"keyId": b64(logID(&key.PublicKey))},
			"publicKey": object{"rawBytes": b64(public(&key.PublicKey)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": window},
		}
	}
	authority := func(address string, chain ...*x509.Certificate) object {
		certificates := []object{}
		for _, one := range chain {
			certificates = append(certificates, object{"rawBytes": b64(one.Raw)})
		}
		return object{
			"subject": object{"organization": "example", "commonName": "root"}, "uri": address,
			"certChain": object{"certificates": certificates}, "validFor": window,
		}
	}
	return object{
		"mediaType":              "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs":                  []object{log(s.rekor, "https://rekor.example")},
		"ctlogs":                 []object{log(s.ctlog, "https://ctfe.example")},
		"certificateAuthorities": []object{authority("https://fulcio.example", s.between, s.root)},
		"timestampAuthorities":   []object{authority("https://tsa.example", s.stamp, s.stampBetween, s.root)},
	}
}
