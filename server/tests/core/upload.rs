//! Forms with a file: what a server function makes of them, and what becomes of those that are none.

use reqwest::{Response, header};

use crate::common::Server;

const ACTION: &str = "/actions/members/bulk";

async fn send(server: &Server, content_type: &str, body: Vec<u8>) -> Response {
    let request = server
        .client
        .post(format!("{}{ACTION}", server.url))
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, "text/html")
        .body(body);
    request.send().await.expect("an answer")
}

fn part(name: &str, file: Option<&str>, text: &str) -> String {
    let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
}

/// The fields arrive: without a session the way back to the very page is kept.
#[tokio::test]
async fn a_form_with_a_file_reaches_its_action() {
    let server = Server::start().await;
    let form = [
        part("at", None, "/admin/teams/backend-team"),
        part("file", Some("people.csv"), "email\r\nada@example.com\r\n"),
        "--XX--\r\n".to_owned(),
    ];
    let answer = send(&server, "multipart/form-data; boundary=XX", form.concat().into_bytes()).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(
        answer.headers()[header::LOCATION],
        "/login?next=%2Fadmin%2Fteams%2Fbackend-team%2Fmembers%2Fbulk"
    );
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let server = Server::start().await;
    let cut = part("at", None, "/admin/teams/backend-team");
    for (content_type, body) in [
        ("multipart/form-data", b"--XX--".to_vec()),
        ("multipart/form-data; boundary=XX", Vec::new()),
        ("multipart/form-data; boundary=XX", cut.into_bytes()),
        ("multipart/form-data; boundary=XX", vec![0xff; 1000]),
        ("Multipart/Form-Data; boundary=\"", vec![b'-'; 1000]),
    ] {
        let answer = send(&server, content_type, body).await;
        assert_eq!(answer.status(), 422, "{content_type}");
        assert!(
            answer
                .text()
                .await
                .expect("a page")
                .contains("The form could not be read")
        );
    }
    let answer = send(
        &server,
        "multipart/form-data; boundary=XX",
        vec![b'x'; 4 * 1024 * 1024 + 1],
    )
    .await;
    assert_eq!(answer.status(), 413);
}
