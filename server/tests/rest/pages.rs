//! The OpenAPI document and the reference pages.

use http::header;

use crate::api::World;

#[tokio::test]
async fn the_document_and_its_pages_are_served_to_anyone() {
    let world = World::new().await;
    let get = async |path: &str| world.call(None, "GET", path, None).await;
    let answer = get("/api/openapi.json").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let document = answer.is(200);
    assert_eq!(document, serde_json::to_value(server::rest::openapi()).unwrap());

    let page = get("/api/docs").await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = page.is(200);
    let html = html.as_str().unwrap();
    assert!(!html.contains("<style") && !html.contains("style=") && !html.contains("//cdn"));
    for file in [
        "/api/docs/swagger-ui.css",
        "/api/docs/swagger-ui-bundle.js",
        "/api/docs/start.js",
    ] {
        assert!(html.contains(file));
        get(file).await.is(200);
    }
    let errors = get("/api/docs/errors").await.is(200);
    for code in backend::Code::ALL {
        assert!(errors.as_str().unwrap().contains(&format!("id=\"{}\"", code.as_str())));
    }
}
