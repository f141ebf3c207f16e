"""A server that is started to be attacked."""

from torchferry.benchmarks.hostile.started import Started


def test_honest_requests_go_to_the_server_that_attackers_know(attacked: Started) -> None:
    target, where = attacked.target, attacked.where
    assert (target.protocol, target.model) == ("predictions", "digits")
    assert (target.endpoint.host, target.endpoint.port) == (where.host, where.port)
    assert len(target.requests) > 1
    assert where.valid.predict.body in target.requests[0]
