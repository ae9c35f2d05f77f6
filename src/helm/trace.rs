//! Which line of which template wrote each line of a render.

use std::collections::BTreeMap;

use crate::gotemplate::{Probe, Site};

/// A place in a template's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<'t> {
    /// The file, below the top chart; another one than the rendered file where that calls a template of it.
    pub file: &'t str,
    /// The place, in bytes.
    pub offset: usize,
}

/// Watches a render and keeps, for each line of each rendered file, what wrote the first visible character of it.
///
/// What `include` and `tpl` give is written by the action that prints it: its place is the line that calls.
#[derive(Debug, Default)]
pub struct Trace {
    /// Lines of each rendered file: the number of the template and the place in it.
    lines: BTreeMap<String, Vec<Option<(usize, usize)>>>,
    current: String,
    templates: Vec<String>,
}

impl Trace {
    /// What wrote a line, counted from 1, of a rendered file; nothing if the line is blank or not there.
    pub fn written(&self, file: &str, line: u32) -> Option<Written<'_>> {
        let index = usize::try_from(line.checked_sub(1)?).ok()?;
        let (template, offset) = (*self.lines.get(file)?.get(index)?)?;
        let file = self.templates.get(template)?;
        Some(Written { file, offset })
    }

    /// The number of a template; writes mostly come from the one that wrote last.
    fn number(&mut self, template: &str) -> usize {
        let known = self.templates.iter().rposition(|known| known == template);
        known.unwrap_or_else(|| {
            self.templates.push(template.to_owned());
            self.templates.len() - 1
        })
    }
}

impl Probe for Trace {
    fn begin(&mut self, name: &str) {
        name.clone_into(&mut self.current);
        self.lines.insert(name.to_owned(), vec![None]);
    }

    fn wrote(&mut self, site: Site<'_>, output: &[u8], verbatim: bool) {
        let template = self.number(site.file);
        let Some(lines) = self.lines.get_mut(&self.current) else {
            return;
        };
        let mut start = 0;
        for (index, piece) in output.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                lines.push(None);
            }
            let visible = piece.iter().position(|byte| !byte.is_ascii_whitespace());
            if let (Some(visible), Some(line @ None)) = (visible, lines.last_mut()) {
                let inside = if verbatim { start + visible } else { 0 };
                *line = Some((template, site.offset + inside));
            }
            start += piece.len() + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gotemplate::{Render, Templates, Value, builtins};

    #[test]
    fn each_line_knows_the_text_or_action_that_wrote_it() {
        let mut templates = Templates::new(Arc::new(builtins()));
        let text = "a: 1\n{{- if true }}\n  b: {{ 2 }}\n{{- end }}\n{{ print \"c: 3\\n\\nd: 4\" }}\n";
        templates.parse("t", text).unwrap();
        let mut render = Render::watched(&templates, Trace::default());
        let output = render.run("t", &Value::Nil).unwrap();
        assert_eq!(output, b"a: 1\n  b: 2\nc: 3\n\nd: 4\n");
        let trace = render.into_probe();
        let at = |line| {
            let offset = trace.written("t", line)?.offset;
            Some(text.split_at(offset).0.split('\n').count())
        };
        assert_eq!(
            [1, 2, 3, 4, 5].map(at),
            [Some(1), Some(3), Some(5), None, Some(5)]
        );
        assert_eq!(at(0), None);
        assert_eq!(at(9), None);
    }
}
