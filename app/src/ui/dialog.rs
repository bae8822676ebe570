//! The question before what can not be undone.

use leptos::prelude::*;

use super::plural;

/// A confirmation. It is part of the page at `?confirm=…`, open; so it works without JavaScript.
pub struct Confirm {
    /// The dialog's id.
    pub id: &'static str,
    /// The question.
    pub title: String,
    /// What happens, in words.
    pub text: String,
    /// What happens, in numbers: the number's sentence, and whether it is a loss.
    pub consequences: Vec<(String, bool)>,
    /// Where the form goes.
    pub action: &'static str,
    /// Hidden fields.
    pub fields: Vec<(&'static str, String)>,
    /// A field to fill in, if any.
    pub input: Option<AnyView>,
    /// The words on the button.
    pub button: &'static str,
    /// Whether it takes something away.
    pub danger: bool,
    /// The page without the question.
    pub cancel: String,
}

/// A consequence in numbers, such as `Revokes 2 keys`; none where there is nothing to count. `after` follows the noun.
pub fn counted(verb: &str, count: i64, noun: &str, after: &str, loss: bool) -> Option<(String, bool)> {
    (count > 0).then(|| (format!("{verb} {}{after}", plural(count, noun)), loss))
}

/// The dialog, open.
pub fn confirm(confirm: Confirm) -> AnyView {
    let title_id = format!("{}-title", confirm.id);
    let labelled_by = title_id.clone();
    let (class, button) = if confirm.danger {
        ("dialog dialog--danger", "button button--danger")
    } else {
        ("dialog", "button button--primary")
    };
    let focus_cancel = confirm.input.is_none();
    view! {
        <dialog class=class id=confirm.id aria-labelledby=labelled_by open>
            <form method="post" action=confirm.action>
                {confirm
                    .fields
                    .into_iter()
                    .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
                    .collect_view()}
                <header class="dialog__header">
                    <h2 class="dialog__title" id=title_id>{confirm.title}</h2>
                </header>
                <div class="dialog__body">
                    <p>{confirm.text}</p>
                    {(!confirm.consequences.is_empty())
                        .then(|| {
                            view! {
                                <ul class="consequences">
                                    {confirm
                                        .consequences
                                        .into_iter()
                                        .map(|(text, loss)| {
                                            let class = if loss {
                                                "consequences__item consequences__item--loss"
                                            } else {
                                                "consequences__item"
                                            };
                                            view! { <li class=class>{text}</li> }
                                        })
                                        .collect_view()}
                                </ul>
                            }
                        })}
                    {confirm.input}
                </div>
                <footer class="dialog__footer">
                    <a class="button" href=confirm.cancel data-dialog-close="" autofocus=focus_cancel>"Cancel"</a>
                    <button class=button>{confirm.button}</button>
                </footer>
            </form>
        </dialog>
    }
    .into_any()
}
