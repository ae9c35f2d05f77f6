package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

const annotation = "dev.sigstore.cosign/"

// kept is what cosign's older forms keep in annotations.
func (s *sigstore) kept(certificate *x509.Certificate, entry object) object {
	payload := object{
		"body": entry["canonicalizedBody"], "integratedTime": json.RawMessage(entry["integratedTime"].(string)),
		"logID": hex.EncodeToString(logID(&s.rekor.PublicKey)), "logIndex": json.RawMessage(entry["logIndex"].(string)),
	}
	promise := entry["inclusionPromise"].(object)["signedEntryTimestamp"]
	return object{
		annotation + "certificate": string(pemOf(certificate)),
		annotation + "chain":       string(pemOf(s.between)) + string(pemOf(s.root)),
		annotation + "bundle":      string(encode(object{"SignedEntryTimestamp": promise, "Payload": payload})),
	}
}

// older is a signature as cosign keeps it under a tag.
func (s *sigstore) older(repository, digest string, h how) object {
	certificate, private := s.certificate(h.leaf)
	payload := encode(object{
		"critical": object{
			"identity": object{"docker-reference": repository},
			"image":    object{"docker-manifest-digest": digest}, "type": "cosign container image signature",
		}, "optional": nil,
	})
	signature := must(ecdsa.SignASN1(rand.Reader, private, sum(payload)))
	entry := s.entry("hashedrekord", "0.0.1", object{
		"data":      object{"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(sum(payload))}},
		"signature": object{"content": b64(signature), "publicKey": object{"content": b64(pemOf(certificate))}},
	}, h.at)
	annotations := s.kept(certificate, entry)
	annotations["dev.cosignproject.cosign/signature"] = b64(signature)
	return object{"payload": string(payload), "annotations": annotations}
}

// attested is an attestation as cosign keeps it under a tag: all of the envelope, by the oldest kind of entry or with a timestamp.
func (s *sigstore) attested(manifest []byte, h how) object {
	certificate, private := s.certificate(h.leaf)
	payload := statement(manifest)
	signature := must(ecdsa.SignASN1(rand.Reader, private, sum(pae("application/vnd.in-toto+json", payload))))
	envelope := encode(object{"payload": b64(payload), "payloadType": "application/vnd.in-toto+json", "signatures": []object{{"keyid": "", "sig": b64(signature)}}})
	hash := object{"algorithm": "sha256", "value": hex.EncodeToString(sum(envelope))}
	entry := s.entry("intoto", "0.0.1", object{"content": object{"hash": hash}, "publicKey": b64(pemOf(certificate))}, h.at)
	annotations := s.kept(certificate, entry)
	annotations[annotation+"rfc3161timestamp"] = string(encode(object{"SignedRFC3161Timestamp": b64(s.stamped(envelope, h.at))}))
	return object{"payload": string(envelope), "annotations": annotations}
}

// signFor writes signatures of both forms for images of a registry, and the trusted root beside them.
func signFor(folder, repository string, digests []string) {
	now := time.Now().UTC().Truncate(time.Second)
	s := newSigstore(now)
	write := func(name string, value any) {
		if err := os.WriteFile(filepath.Join(folder, name), append(encode(value), '\n'), 0o644); err != nil {
			panic(err)
		}
	}
	write("trusted_root.json", s.trustedRoot())
	for _, digest := range digests {
		h := how{leaf: leaf{subject: subject, issuer: issuer, from: now.Add(-time.Minute)}, at: now, kind: "dsse"}
		payload := encode(object{
			"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": object{},
			"subject": []object{{"digest": object{"sha256": digest[len("sha256:"):]}}},
		})
		one := s.signPayload(payload, h)
		write(digest[len("sha256:"):]+".json", object{"bundle": one.bundle, "older": s.older(repository, digest, h)})
	}
}
