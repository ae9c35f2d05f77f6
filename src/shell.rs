//! Words as a POSIX shell reads them: a command that is printed for people must be the one that they paste.

use std::borrow::Cow;
use std::path::Path;

/// A word, between quotes if a shell would read it as something else.
///
/// ```
/// use carrack::shell::quoted;
///
/// assert_eq!(quoted("/media/usb/bundle"), "/media/usb/bundle");
/// assert_eq!(quoted("/media/My Passport"), "'/media/My Passport'");
/// ```
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./=:@+-,%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// A path as a word. One that begins with `-` is no flag.
pub fn quoted_path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') {
        quoted(&format!("./{text}")).into_owned()
    } else {
        quoted(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_between_quotes() {
        for plain in [
            "a",
            "docker.io/library/nginx:1.27@sha256:0",
            "docker.io+=/",
            "a,b=50%",
        ] {
            assert_eq!(quoted(plain), plain);
        }
        for (word, shown) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("~me", "'~me'"),
            ("[::1]:5000/a", "'[::1]:5000/a'"),
            ("a\nb", "'a\nb'"),
            ("#1;`id`*?!", "'#1;`id`*?!'"),
            ("Überfahrt", "'Überfahrt'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
        assert_eq!(quoted_path(Path::new("-x")), "./-x");
        assert_eq!(quoted_path(Path::new("- x")), "'./- x'");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in ["", "it's", "a  b", "$(id) \"x\" \\ *", "'", "''"] {
            let script = format!("printf %s {}", quoted(word));
            let ran = std::process::Command::new("/bin/sh")
                .args(["-c", &script])
                .output();
            assert_eq!(String::from_utf8(ran.unwrap().stdout).unwrap(), word);
        }
    }
}
