//! Versions of Kubernetes, as Helm's `--kube-version` reads them.

/// The numbers that a version of Kubernetes begins with, as Helm reads them: two or more, with or without a `v`, and
/// anything may follow them. None if it is no such version.
///
/// ```
/// use carrack::version::kubernetes_numbers;
///
/// assert_eq!(kubernetes_numbers("v1.29.3-gke.1"), Some(vec![1, 29, 3]));
/// assert_eq!(kubernetes_numbers("newest"), None);
/// ```
pub fn kubernetes_numbers(text: &str) -> Option<Vec<u64>> {
    let plain = text.trim_start();
    let plain = plain.strip_prefix('v').unwrap_or(plain);
    let end = plain
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(plain.len());
    let (numbers, _) = plain.split_at_checked(end)?;
    let mut parts = Vec::new();
    for part in numbers.trim_end_matches('.').split('.') {
        if parts.is_empty() && part.len() > 1 && part.starts_with('0') {
            return None;
        }
        parts.push(part.parse().ok()?);
    }
    (parts.len() > 1).then_some(parts)
}
