"""What comes again is found; of what never does there is a bound."""

from torchferry.serving.onnx_server.remembered import MOST, Remembered


def test_what_was_kept_is_found_until_there_are_too_many() -> None:
    remembered: Remembered[bytes, int] = Remembered()
    assert remembered.get(b"a") is None
    assert remembered.keep(b"a", 1) == remembered.get(b"a") == 1
    for number in range(10 * MOST):
        remembered.keep(b"%d" % number, number)
        assert len(remembered.made) <= MOST
    assert remembered.get(b"%d" % (10 * MOST - 1)) == 10 * MOST - 1
