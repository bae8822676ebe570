//! The user docs, `docs/users/*.md`: in the binary, and rendered once.

use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// One page of the docs.
#[derive(Debug)]
pub struct Document {
    /// Its name in addresses, and its file's.
    pub slug: &'static str,
    /// Its first heading.
    pub title: String,
    /// Its first paragraph: what it is about in one sentence.
    pub summary: String,
    /// The headings below the title.
    pub headings: Vec<Heading>,
    /// What follows the first paragraph, as HTML without anything that the page's policy forbids.
    pub html: String,
}

/// A heading that can be linked to.
#[derive(Debug)]
pub struct Heading {
    /// Its anchor, as GitHub makes it.
    pub id: String,
    /// Its words.
    pub text: String,
    /// Whether it stands directly below the title.
    pub is_section: bool,
}

macro_rules! documents {
    ($($group:literal: $($slug:literal),+;)+) => {
        /// All pages by group, in the order of the index.
        const SOURCES: &[(&str, &[(&str, &str)])] = &[$((
            $group,
            &[$(($slug, include_str!(concat!("../../../docs/users/", $slug, ".md")))),+],
        )),+];
    };
}

documents! {
    "Start": "home", "explain", "requests";
    "Teams": "teams", "members", "projects", "policy-and-services", "guides";
    "Runners": "runners", "label-policies", "machine-clients";
    "Keys and money": "api-keys", "access-tokens", "budgets-and-cost";
    "Administration": "organizations", "users", "identity-links", "access-reviews", "audit", "sync", "alerts";
    "Tools": "kubectl";
}

static GROUPS: LazyLock<Vec<(&'static str, Vec<Document>)>> = LazyLock::new(|| {
    let render_all =
        |pages: &[(&'static str, &'static str)]| pages.iter().map(|&(slug, text)| render(slug, text)).collect();
    SOURCES
        .iter()
        .map(|&(group, pages)| (group, render_all(pages)))
        .collect()
});

/// The pages by group, in the order of the index.
pub fn groups() -> &'static [(&'static str, Vec<Document>)] {
    &GROUPS
}

/// The page of this name.
pub fn find(slug: &str) -> Option<&'static Document> {
    let mut all = groups().iter().flat_map(|(_, documents)| documents);
    all.find(|document| document.slug == slug)
}

fn render(slug: &'static str, markdown: &str) -> Document {
    let mut document = Document {
        slug,
        title: String::new(),
        summary: String::new(),
        headings: Vec::new(),
        html: String::new(),
    };
    let mut events: Vec<Event> = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(tame).collect();
    document.title = take(
        &mut events,
        &Tag::Heading {
            level: HeadingLevel::H1,
            id: None,
            classes: vec![],
            attrs: vec![],
        },
    );
    document.summary = take(&mut events, &Tag::Paragraph);
    for at in 0..events.len() {
        if let Event::Start(Tag::Heading { level, .. }) = events[at] {
            let heading = heading(level, &events[at + 1..]);
            if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
                *id = Some(heading.id.clone().into());
            }
            document.headings.push(heading);
        }
    }
    html::push_html(&mut document.html, events.into_iter());
    document
}

/// Takes the first block away if it is of this kind, and returns its words.
fn take(events: &mut Vec<Event>, tag: &Tag) -> String {
    if !matches!(events.first(), Some(Event::Start(first)) if first == tag) {
        return String::new();
    }
    let end = events.iter().position(|event| *event == Event::End(tag.to_end()));
    words(&events.drain(..=end.unwrap_or_default()).collect::<Vec<_>>())
}

fn heading(level: HeadingLevel, rest: &[Event]) -> Heading {
    let end = rest
        .iter()
        .position(|event| *event == Event::End(TagEnd::Heading(level)));
    let text = words(&rest[..end.unwrap_or_default()]);
    Heading {
        id: anchor(&text),
        text,
        is_section: level == HeadingLevel::H2,
    }
}

fn words(events: &[Event]) -> String {
    let parts = events.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) => text,
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    });
    parts.collect()
}

/// As GitHub does it: so a link works there and here.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// HTML is text here, and a link to a file is one to its page.
fn tame(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: destination(dest_url),
            title,
            id,
        }),
        other => other,
    }
}

fn destination(link: CowStr<'_>) -> CowStr<'_> {
    let (file, anchor) = link
        .split_once('#')
        .map_or((&*link, None), |(file, anchor)| (file, Some(anchor)));
    match (file.strip_suffix(".md"), anchor) {
        (Some(page), Some(anchor)) => format!("{}/{page}#{anchor}", super::INDEX).into(),
        (Some(page), None) => format!("{}/{page}", super::INDEX).into(),
        (None, _) => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Document> {
        groups().iter().flat_map(|(_, documents)| documents)
    }

    #[test]
    fn every_file_is_a_page_and_says_what_it_is_about() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/users");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".md", ""))
            .collect();
        let mut pages: Vec<&str> = all().map(|document| document.slug).collect();
        files.sort();
        pages.sort_unstable();
        assert_eq!(pages, files);
        for document in all() {
            assert!(
                !document.title.is_empty() && !document.headings.is_empty(),
                "{}",
                document.slug
            );
            assert!(
                document.summary.ends_with('.'),
                "{}: {:?}",
                document.slug,
                document.summary
            );
        }
    }

    #[test]
    fn every_link_leads_somewhere() {
        for document in all() {
            for link in document
                .html
                .split("href=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
                let page = page
                    .strip_prefix("/help/")
                    .unwrap_or_else(|| panic!("{}: {link}", document.slug));
                let target = find(page).unwrap_or_else(|| panic!("{}: {link}", document.slug));
                let there = anchor.is_empty() || target.headings.iter().any(|heading| heading.id == anchor);
                assert!(there, "{}: {link}", document.slug);
            }
        }
    }

    #[test]
    fn headings_are_found_by_one_anchor() {
        for document in all() {
            let mut ids: Vec<_> = document.headings.iter().map(|heading| &heading.id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), document.headings.len(), "{}", document.slug);
            for id in ids {
                assert!(
                    document.html.contains(&format!(" id=\"{id}\"")),
                    "{}: {id}",
                    document.slug
                );
            }
        }
    }

    #[test]
    fn nothing_that_the_policy_forbids_comes_through() {
        let markdown = "# Title\n\nWhat it is.\n\n## A *fine* `part`\n\n<script>alert(1)</script>\n\nText <b onclick=x>bold</b> \
                        [there](teams.md#settings).\n";
        let document = render("test", markdown);
        assert_eq!(document.title, "Title");
        assert_eq!(document.summary, "What it is.");
        assert_eq!(document.headings[0].id, "a-fine-part");
        assert!(document.html.contains("&lt;script&gt;"), "{}", document.html);
        assert!(!document.html.contains("<b"), "{}", document.html);
        assert!(
            document.html.contains("<a href=\"/help/teams#settings\">"),
            "{}",
            document.html
        );
        for document in all() {
            for forbidden in ["style=", "<script", "onclick", "javascript:"] {
                assert!(!document.html.contains(forbidden), "{}: {forbidden}", document.slug);
            }
        }
    }
}
