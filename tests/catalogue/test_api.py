"""The catalogue for programs: lists, one item, validators, faults that name the parameter."""

from __future__ import annotations

from openapi_spec_validator import validate


def test_a_list_has_items_total_and_next(client, make_item):
    for number in (4, 5, 6):
        make_item(f"SI-LG-00{number}")
    first = client.get("/api/v1/services?limit=2", status=200).get_json()
    assert (len(first["items"]), first["total"]) == (2, 3)
    second = client.get(first["next"], status=200).get_json()
    assert (len(second["items"]), second["next"]) == (1, None)


def test_words_order_by_relevance(client, make_item):
    make_item()
    found = client.get("/api/v1/services?q=居住证", status=200).get_json()
    assert found["items"][0]["name"] == {"zh": "广东省居住证申领受理", "en": "Guangdong residence permit: first application"}


def test_an_item_carries_its_papers_and_an_etag(client, make_item):
    make_item(may_follow="M-002")
    response = client.get("/api/v1/services/SI-LG-004", status=200)
    body = response.get_json()
    assert [p["may_follow"] for p in body["materials"]] == [False, True]
    assert body["effective_on"] == "2026-11-25"
    again = client.get("/api/v1/services/SI-LG-004", headers={"If-None-Match": response.headers["ETag"]}, status=304)
    assert again.data == b""


def test_faults_name_the_parameter(client, make_item):
    make_item()
    for query, name in (("nonsense=1", "nonsense"), ("limit=0", "limit"), ("limit=101", "limit"), ("channel=smoke", "channel")):
        problem = client.get(f"/api/v1/services?{query}", status=400)
        assert problem.mimetype == "application/problem+json"
        assert name in problem.get_json()["context"]["fields"]


def test_an_unknown_code_is_a_problem_of_404(client):
    problem = client.get("/api/v1/services/SI-XX-999", status=404).get_json()
    assert (problem["status"], problem["code"]) == (404, "not_found")


def test_public_reads_set_no_cookie_and_allow_any_origin(client, make_item):
    make_item()
    response = client.get("/api/v1/services", status=200)
    assert "Set-Cookie" not in response.headers
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_groups_are_listed_with_their_numbers(client, make_item):
    make_item()
    groups = client.get("/api/v1/service-groups", status=200).get_json()
    assert groups["categories"] == [
        {"code": "migrants", "name": {"zh": "流动人口服务", "en": "Services for migrant residents"}, "count": 1}
    ]


def test_the_document_is_valid_openapi(client):
    document = client.get("/api/v1/openapi.json", status=200).get_json()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_the_documentation_comes_from_here(client):
    page = client.get("/api/v1/docs", status=200)
    assert "swagger-ui-bundle.js" in page.get_data(as_text=True)
    client.get("/api/v1/docs/swagger-ui.css", status=200)
    client.get("/api/v1/docs/passwd", status=404)
