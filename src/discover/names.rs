//! Which keys, variables and flags announce an image, judged by whole words.
//!
//! `CSI_RESIZER_IMAGE` announces one although `SIZE` is inside it: a name is cut into words first, and only whole words
//! allow or deny.

/// Words that take the announcement back wherever they stand behind `image`: `IMAGE_PULL_POLICY`, `imagePullSecrets`. Before
/// it they say whose image it is: `policyImage`.
const DENY_BEHIND: [&str; 4] = ["pull", "policy", "secret", "secrets"];

/// Words that take it back at the end: what they announce is a part or a property of an image.
const DENY_LAST: [&str; 7] = ["tag", "version", "digest", "prefix", "size", "type", "format"];

/// Words at the end that announce a repository or less; with a tag in the value it is an image all the same.
const PARTIAL_LAST: [&str; 9] = [
    "repository",
    "repo",
    "registry",
    "host",
    "org",
    "namespace",
    "hub",
    "base",
    "path",
];

/// Words that may follow `image` at the end of a key that holds a whole reference.
const AFTER_IMAGE: [&str; 6] = ["name", "ref", "reference", "url", "uri", "spec"];

/// The words of a name in lower case: `queueSidecarImage` and `QUEUE_SIDECAR_IMAGE` are both queue, sidecar, image.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, &letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).and_then(|i| letters.get(i)).copied();
        let after = letters.get(index + 1).copied();
        let begins = letter.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(char::is_uppercase) && after.is_some_and(char::is_lowercase)));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Whether a variable's or flag's name announces an image: `RELATED_IMAGE_PROXY`, `--manager-image`.
pub(crate) fn announces(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|w| w == "image" || w == "images") && !denied(&words)
}

/// Whether a map key holds a whole reference: `image`, `sidecarImage`, `base_image`, `imageName`.
///
/// A key in capitals is a variable's name (the data of a `ConfigMap` that becomes an environment).
pub(crate) fn holds_image(key: &str) -> bool {
    if is_variable(key) {
        return announces(key);
    }
    let words = words(key);
    let position = words.iter().rposition(|w| w == "image");
    let ends_well = match position.map(|p| words.get(p + 1..).unwrap_or_default()) {
        Some([]) => true,
        Some([last]) => AFTER_IMAGE.contains(&last.as_str()),
        _ => false,
    };
    ends_well && !denied(&words)
}

/// Whether a map key holds a list of references: `images`, `extraImages`.
pub(crate) fn holds_images(key: &str) -> bool {
    let words = words(key);
    words.last().is_some_and(|w| w == "images") && !denied(&words)
}

/// Whether a variable's name says that its value is a digest: `VIRT_API_SHASUM`.
pub(crate) fn is_digest_of_something(name: &str) -> bool {
    words(name)
        .last()
        .is_some_and(|last| matches!(last.as_str(), "shasum" | "digest" | "sha" | "sha256"))
}

/// Whether a name promises no more than a repository, so that a value without a tag is no image yet:
/// `IMAGE_REPOSITORY`, `--prometheus-default-base-image`.
pub(crate) fn is_partial(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    PARTIAL_LAST.contains(&last)
        || last == "image" && words.iter().rev().nth(1).is_some_and(|word| word == "base")
}

/// Whether the name says that its value is nothing but an image: it ends in `image` or what may follow it, or begins
/// with the `RELATED_IMAGE` of operators.
pub(crate) fn ends_in_image(name: &str) -> bool {
    let words = words(name);
    let is_image = |word: Option<&String>| word.is_some_and(|word| word == "image" || word == "images");
    let last = words.last();
    is_image(last)
        || last.is_some_and(|word| AFTER_IMAGE.contains(&word.as_str()))
            && is_image(words.iter().rev().nth(1))
        || words.first().is_some_and(|word| word == "related") && is_image(words.get(1))
}

/// Whether a name is written as environment variables are.
pub(crate) fn is_variable(name: &str) -> bool {
    name.contains('_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn denied(words: &[String]) -> bool {
    let image = words.iter().position(|w| w == "image" || w == "images");
    let behind = image.and_then(|at| words.get(at..)).unwrap_or(words);
    behind.iter().any(|w| DENY_BEHIND.contains(&w.as_str()))
        || words.last().is_some_and(|w| DENY_LAST.contains(&w.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_into_whole_words() {
        assert_eq!(words("CSI_RESIZER_IMAGE"), ["csi", "resizer", "image"]);
        assert_eq!(words("queueSidecarImage"), ["queue", "sidecar", "image"]);
        assert_eq!(words("imageURL"), ["image", "url"]);
        assert_eq!(words("--manager-image"), ["manager", "image"]);
    }

    #[test]
    fn size_inside_resizer_does_not_deny_the_image() {
        assert!(announces("CSI_RESIZER_IMAGE"));
        assert!(!announces("IMAGE_SIZE"));
        assert!(!announces("MAX_IMAGE_SIZE"));
    }

    #[test]
    fn pull_policies_secrets_and_tags_are_no_images() {
        for name in [
            "IMAGE_PULL_POLICY",
            "SIDECAR_IMAGE_PULL_SECRETS",
            "IMAGE_TAG",
            "PROXY_IMAGE_VERSION",
            "--image-pull-policy",
            "IMAGE_DIGEST",
        ] {
            assert!(!announces(name), "{name}");
        }
        for name in [
            "RELATED_IMAGE_PROXY",
            "STRIMZI_KAFKA_IMAGES",
            "--share-manager-image",
            "SECRET_SYNC_IMAGE",
            "--policy-image",
            "IMAGE",
        ] {
            assert!(announces(name), "{name}");
        }
    }

    #[test]
    fn keys_that_hold_a_reference_end_in_image() {
        for key in [
            "image",
            "natsImage",
            "base_image",
            "sidecar-image",
            "imageName",
            "imageRef",
            "imageURL",
            "PROXY_IMAGE_X",
            "policyImage",
            "secretsStoreImage",
        ] {
            assert!(holds_image(key), "{key}");
        }
        for key in [
            "imagePullPolicy",
            "imageTag",
            "images",
            "imageRepository",
            "imagine",
            "imagePullSecrets",
            "imageVersion",
        ] {
            assert!(!holds_image(key), "{key}");
        }
        assert!(holds_images("extraImages"));
        assert!(!holds_images("image"));
    }
}
