// Makes keyless signatures with an authority and logs of its own, spoils them in every way that counts, and lets sigstore-go
// judge each: what it says is what the tests compare with. See README.md beside this.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

const (
	subject = "https://git.example/shop/app/.github/workflows/release.yml@refs/tags/v1"
	issuer  = "https://token.git.example"
)

// signed is one signature, before it is spoilt.
type signed struct {
	bundle      object
	material    object
	entry       object
	certificate *x509.Certificate
	private     *ecdsa.PrivateKey
	signature   []byte
}

// how a signature is made.
type how struct {
	leaf
	at      time.Time
	content []byte
	kind    string // of the log's entry
}

func pae(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

func statement(manifest []byte) []byte {
	return encode(object{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": object{},
		"subject": []object{{"digest": object{"sha256": hex.EncodeToString(sum(manifest))}}},
	})
}

func (s *sigstore) sign(manifest []byte, h how) *signed {
	if h.kind == "hashedrekord" || h.kind == "hashedrekord2m" {
		return s.signBytes(manifest, nil, h)
	}
	return s.signPayload(statement(manifest), h)
}

func (s *sigstore) signPayload(payload []byte, h how) *signed {
	return s.signBytes(pae("application/vnd.in-toto+json", payload), payload, h)
}

func (s *sigstore) signBytes(message, payload []byte, h how) *signed {
	certificate, private := s.certificate(h.leaf)
	out := &signed{certificate: certificate, private: private}
	out.signature = must(ecdsa.SignASN1(rand.Reader, private, sum(message)))
	hash := func(bytes []byte) object {
		return object{"algorithm": "sha256", "value": hex.EncodeToString(sum(bytes))}
	}
	switch h.kind {
	case "hashedrekord":
		out.entry = s.entry("hashedrekord", "0.0.1", object{
			"data":      object{"hash": hash(message)},
			"signature": object{"content": b64(out.signature), "publicKey": object{"content": b64(pemOf(certificate))}},
		}, h.at)
	case "dsse":
		envelope := encode(object{"payload": b64(payload), "payloadType": "application/vnd.in-toto+json", "signatures": []object{{"sig": b64(out.signature)}}})
		out.entry = s.entry("dsse", "0.0.1", object{
			"envelopeHash": hash(envelope), "payloadHash": hash(payload),
			"signatures": []object{{"signature": b64(out.signature), "verifier": b64(pemOf(certificate))}},
		}, h.at)
	case "intoto":
		out.entry = s.entry("intoto", "0.0.2", object{"content": object{
			"envelope": object{"payloadType": "application/vnd.in-toto+json", "signatures": []object{{"publicKey": b64(pemOf(certificate)), "sig": b64([]byte(b64(out.signature)))}}},
			"hash":     hash(payload), "payloadHash": hash(payload),
		}}, h.at)
	default:
		body := encode(object{"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": object{"hashedRekordV002": object{
			"data": object{"algorithm": "SHA2_256", "digest": b64(sum(message))},
			"signature": object{"content": b64(out.signature), "verifier": object{
				"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": object{"rawBytes": b64(certificate.Raw)}}},
		}}})
		out.entry = s.proven(body, 5, "rekor.example")
		out.entry["logIndex"] = "5"
		out.entry["kindVersion"] = object{"kind": "hashedrekord", "version": "0.0.2"}
	}
	out.material = object{"certificate": object{"rawBytes": b64(certificate.Raw)}, "tlogEntries": []object{out.entry}}
	out.bundle = object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": out.material}
	if payload == nil {
		out.bundle["messageSignature"] = object{
			"messageDigest": object{"algorithm": "SHA2_256", "digest": b64(sum(message))}, "signature": b64(out.signature)}
	} else {
		out.bundle["dsseEnvelope"] = object{
			"payload": b64(payload), "payloadType": "application/vnd.in-toto+json", "signatures": []object{{"sig": b64(out.signature)}}}
	}
	return out
}

func (s *signed) stamp(by *sigstore, at time.Time) {
	s.material["timestampVerificationData"] = object{"rfc3161Timestamps": []object{{"signedTimestamp": b64(by.stamped(s.signature, at))}}}
}

// verdict is what sigstore-go says.
func verdict(trusted root.TrustedMaterial, text, manifest []byte) string {
	one := &bundle.Bundle{}
	if err := one.UnmarshalJSON(text); err != nil {
		return err.Error()
	}
	verifier := must(verify.NewVerifier(trusted, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1)))
	identity := must(verify.NewShortCertificateIdentity(issuer, "", subject, ""))
	_, err := verifier.Verify(one, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(manifest)), verify.WithCertificateIdentity(identity)))
	if err != nil {
		return err.Error()
	}
	return "good"
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "keyless FOLDER: make the test data; keyless FOLDER REPOSITORY DIGEST...: sign these images")
		os.Exit(2)
	}
	folder := os.Args[1]
	if len(os.Args) > 3 {
		signFor(folder, os.Args[2], os.Args[3:])
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	ours, other := newSigstore(now), newSigstore(now)
	manifest := []byte(`{"schemaVersion":2}`)
	good := func(kind string) how {
		return how{leaf: leaf{subject: subject, issuer: issuer, from: now.Add(-time.Minute)}, at: now, kind: kind}
	}
	trusted := encode(ours.trustedRoot())
	material := must(root.NewTrustedRootFromJSON(trusted))
	cases := []object{}
	add := func(name, says string, one *signed) {
		text := encode(one.bundle)
		cases = append(cases, object{"name": name, "says": says, "sigstore-go": verdict(material, text, manifest), "bundle": json.RawMessage(text)})
	}
	for name, kind := range map[string]string{
		"a bare signature": "hashedrekord", "an envelope": "dsse", "an envelope by an older kind of entry": "intoto",
	} {
		add(name, "", ours.sign(manifest, good(kind)))
	}
	spoilt := func(name, says, kind string, change func(*how), spoil func(*signed)) {
		h := good(kind)
		if change != nil {
			change(&h)
		}
		one := ours.sign(manifest, h)
		if spoil != nil {
			spoil(one)
		}
		add(name, says, one)
	}
	for _, kind := range []string{"hashedrekord2m", "hashedrekord2"} {
		spoilt("an entry of a log of the second kind, with a timestamp: "+kind, "", kind, nil, func(s *signed) { s.stamp(ours, now) })
	}
	spoilt("a promise and no proof", "", "dsse", nil, func(s *signed) {
		delete(s.entry, "inclusionProof")
		s.bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
		s.material["x509CertificateChain"] = object{"certificates": []object{{"rawBytes": b64(s.certificate.Raw)}}}
		delete(s.material, "certificate")
	})
	spoilt("a timestamp beside the promise", "", "dsse", nil, func(s *signed) { s.stamp(ours, now) })
	spoilt("a proof and a timestamp, no promise", "", "dsse", nil, func(s *signed) { delete(s.entry, "inclusionPromise"); s.stamp(ours, now) })
	spoilt("the issuer by its older extension alone", "", "dsse", func(h *how) { h.oldIssuerOnly = true }, nil)

	spoilt("another subject", "whom the policy does not name", "dsse", func(h *how) { h.subject = strings.Replace(subject, "shop", "evil", 1) }, nil)
	spoilt("another issuer", "whom the policy does not name", "dsse", func(h *how) { h.issuer = "https://token.evil.example" }, nil)
	spoilt("no issuer", "does not say who vouched", "dsse", func(h *how) { h.noIssuer = true }, nil)
	spoilt("two names", "does not name one identity", "dsse", func(h *how) { h.twoNames = true }, nil)
	spoilt("a certificate that had run out", "its certificate was valid from", "dsse", func(h *how) { h.from = now.Add(-time.Hour) }, nil)
	spoilt("a certificate that was not valid yet", "its certificate was valid from", "dsse", func(h *how) { h.from = now.Add(time.Hour) }, nil)
	spoilt("a certificate for servers", "not for signing content", "dsse", func(h *how) { h.usage = x509.ExtKeyUsageServerAuth }, nil)
	spoilt("no SCT", "has seen its certificate (SCT): it has none", "dsse", func(h *how) { h.noSCT = true }, nil)
	spoilt("an SCT by an unknown log", "(SCT): it is of a log that the trusted root does not know", "dsse", func(h *how) { h.ctlog = key(elliptic.P256()) }, nil)
	add("a certificate of another authority", "no certificate authority of the trusted root issued its certificate", func() *signed {
		rekor, ctlog := other.rekor, other.ctlog
		other.rekor, other.ctlog = ours.rekor, ours.ctlog
		defer func() { other.rekor, other.ctlog = rekor, ctlog }()
		return other.sign(manifest, good("dsse"))
	}())
	add("an entry of an unknown log", "which the trusted root does not know", func() *signed {
		rekor := ours.rekor
		ours.rekor = key(elliptic.P256())
		defer func() { ours.rekor = rekor }()
		return ours.sign(manifest, good("dsse"))
	}())
	spoilt("a promise by another log's key", "its promise (SET) is not signed by the log", "dsse", nil, func(s *signed) {
		one := other.entry("dsse", "0.0.1", object{}, now)
		s.entry["inclusionPromise"] = one["inclusionPromise"]
	})
	spoilt("another time than was promised", "its promise (SET) is not signed by the log", "dsse", nil, func(s *signed) { s.entry["integratedTime"] = fmt.Sprint(now.Unix() + 1) })
	spoilt("neither promise nor proof", "neither the log's promise nor a proof", "dsse", nil, func(s *signed) {
		delete(s.entry, "inclusionPromise")
		delete(s.entry, "inclusionProof")
	})
	spoilt("no entry", "it has no entry of a transparency log", "dsse", nil, func(s *signed) { s.material["tlogEntries"] = []object{}; s.stamp(ours, now) })
	spoilt("a proof alone, and no time", "nothing that can be believed says when", "dsse", nil, func(s *signed) { delete(s.entry, "inclusionPromise") })
	spoilt("a checkpoint by another log's key", "its checkpoint is not signed by the log", "dsse", nil, func(s *signed) {
		s.entry["inclusionProof"].(object)["checkpoint"] = other.proven([]byte("x"), 5, "rekor.example - 42")["inclusionProof"].(object)["checkpoint"]
	})
	spoilt("a checkpoint of another tree", "leads to another tree", "dsse", nil, func(s *signed) {
		s.entry["inclusionProof"].(object)["checkpoint"] = ours.proven([]byte("x"), 5, "rekor.example - 42")["inclusionProof"].(object)["checkpoint"]
	})
	spoilt("a proof of another entry", "does not lead from this entry", "dsse", nil, func(s *signed) {
		s.entry["inclusionProof"] = ours.proven([]byte("x"), 5, "rekor.example - 42")["inclusionProof"]
	})
	spoilt("an entry about another signature", "about another signature", "dsse", nil, func(s *signed) {
		again := ours.sign(manifest, good("dsse"))
		s.material["tlogEntries"] = []object{again.entry}
	})
	spoilt("an entry about other content", "about another content", "dsse", nil, func(s *signed) {
		hash := object{"algorithm": "sha256", "value": hex.EncodeToString(sum([]byte("x")))}
		s.material["tlogEntries"] = []object{ours.entry("dsse", "0.0.1", object{"envelopeHash": hash, "payloadHash": hash,
			"signatures": []object{{"signature": b64(s.signature), "verifier": b64(pemOf(s.certificate))}}}, now)}
	})
	spoilt("an entry about another certificate", "about another certificate", "hashedrekord", nil, func(s *signed) {
		another, _ := ours.certificate(good("dsse").leaf)
		s.material["tlogEntries"] = []object{ours.entry("hashedrekord", "0.0.1", object{
			"data":      object{"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(sum(manifest))}},
			"signature": object{"content": b64(s.signature), "publicKey": object{"content": b64(pemOf(another))}}}, now)}
	})
	spoilt("an entry of an unknown kind", "which this program does not know", "dsse", nil, func(s *signed) {
		s.material["tlogEntries"] = []object{ours.entry("future", "0.0.1", object{}, now)}
	})
	spoilt("a changed signature", "did not make the signature", "hashedrekord", nil, func(s *signed) {
		changed := must(ecdsa.SignASN1(rand.Reader, s.private, sum([]byte("x"))))
		s.bundle["messageSignature"].(object)["signature"] = b64(changed)
	})
	spoilt("a signature of another image", "did not make the signature", "hashedrekord", nil, func(s *signed) {
		s.bundle = ours.sign([]byte("another"), good("hashedrekord")).bundle
	})
	spoilt("an envelope about another image", "it speaks of", "dsse", nil, func(s *signed) { s.bundle = ours.sign([]byte("another"), good("dsse")).bundle })
	spoilt("a changed payload", "did not make the signature", "dsse", nil, func(s *signed) {
		s.bundle["dsseEnvelope"].(object)["payload"] = b64(append(statement(manifest), ' '))
	})
	spoilt("another digest beside the signature", "it speaks of", "hashedrekord", nil, func(s *signed) {
		s.bundle["messageSignature"].(object)["messageDigest"].(object)["digest"] = b64(sum([]byte("another")))
	})
	spoilt("no certificate", "it has no certificate", "dsse", nil, func(s *signed) { delete(s.material, "certificate") })
	spoilt("a timestamp of another signature", "made for another signature", "dsse", nil, func(s *signed) {
		delete(s.entry, "inclusionPromise")
		s.material["timestampVerificationData"] = object{"rfc3161Timestamps": []object{{"signedTimestamp": b64(ours.stamped([]byte("x"), now))}}}
	})
	spoilt("a timestamp by an unknown authority", "its signature is not its authority's", "dsse", nil, func(s *signed) {
		delete(s.entry, "inclusionPromise")
		s.stamp(other, now)
	})
	spoilt("a timestamp after the certificate had run out", "its certificate was valid from", "hashedrekord2", nil, func(s *signed) { s.stamp(ours, now.Add(time.Hour)) })

	digest := "sha256:" + hex.EncodeToString(sum(manifest))
	expired := good("")
	expired.from = now.Add(-time.Hour)
	olderCase := func(name, says string, one object) object {
		one["name"], one["says"] = name, says
		return one
	}
	changed := ours.older("registry.example/shop/app", digest, good(""))
	other1 := ours.older("registry.example/shop/app", digest, good(""))
	changed["annotations"].(object)[annotation+"bundle"] = other1["annotations"].(object)[annotation+"bundle"]
	lacking := ours.older("registry.example/shop/app", digest, good(""))
	delete(lacking["annotations"].(object), annotation+"bundle")
	older := []object{
		olderCase("a payload", "", ours.older("registry.example/shop/app", digest, good(""))),
		olderCase("a payload, expired", "its certificate was valid from", ours.older("registry.example/shop/app", digest, expired)),
		olderCase("a payload with the entry of another", "in the transparency log is about another", changed),
		olderCase("a payload without entry", "no entry of a transparency log", lacking),
		olderCase("a payload of another Sigstore", "which the trusted root does not know", other.older("registry.example/shop/app", digest, good(""))),
		olderCase("a payload about another image", "it speaks of", ours.older("registry.example/shop/app", "sha256:"+strings.Repeat("0", 64), good(""))),
	}
	attested := []object{
		olderCase("an attestation", "", ours.attested(manifest, good(""))),
		olderCase("an attestation, expired", "its certificate was valid from", ours.attested(manifest, expired)),
		olderCase("an attestation about another image", "it speaks of", ours.attested([]byte("x"), good(""))),
	}
	if err := os.WriteFile(filepath.Join(folder, "trusted_root.json"), append(trusted, '\n'), 0o644); err != nil {
		panic(err)
	}
	all := encode(object{"manifest": string(manifest), "issuer": issuer, "subject": subject, "cases": cases, "older": older, "attested": attested})
	if err := os.WriteFile(filepath.Join(folder, "cases.json"), append(all, '\n'), 0o644); err != nil {
		panic(err)
	}
	for _, one := range cases {
		fmt.Printf("%-60s %.150s\n", one["name"], strings.ReplaceAll(one["sigstore-go"].(string), "\n", " "))
	}
}
