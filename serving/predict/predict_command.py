"""`torchferry predict INPUT... --model M` or `--bundle DIR`: from the command line to the last record."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import chain, islice
from typing import Any

from torchferry.errors import ServerFault, UserError
from torchferry.nearest import did_you_mean
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.signature import trusted_keys
from torchferry.serving.client import Client, GrpcClient, RestClient
from torchferry.serving.codec.text_bodies import TEXT
from torchferry.serving.net.addresses import authority
from torchferry.serving.net.unix_sockets import SCHEME
from torchferry.serving.patience import Patience
from torchferry.serving.predict.answers import NOTES, Result, Unanswered
from torchferry.serving.predict.files import Files
from torchferry.serving.predict.in_order import in_order
from torchferry.serving.predict.inputs import Inputs, check_there
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.output_file import OutputFile, files_of
from torchferry.serving.predict.output_folder import INDEX, OutputFolder
from torchferry.serving.predict.predict_options import parsed
from torchferry.serving.predict.processes import AskingProcesses, InThisProcess
from torchferry.serving.predict.progress import Progress
from torchferry.serving.predict.question import Question, questions
from torchferry.serving.predict.records import FORMATS, Csv, Lines, Records, has_labels
from torchferry.serving.predict.sample import Sample
from torchferry.serving.predict.sample_files import Kind
from torchferry.serving.predict.server import AskedServer
from torchferry.serving.predict.standard_output import StandardOutput

PATIENCE_SECONDS = 60.0
"""For which a request to a server that is too busy is tried again."""
MOST_NOTES = 20
MOST_UNANSWERED = 1000
"""If none of so many first samples has an answer, something is wrong with all of them."""

Pair = tuple[Sample, Result]
Output = OutputFile | StandardOutput


def main(arguments: Sequence[str]) -> None:
    options = parsed(arguments)
    bundle = bundles.load(options.bundle, trusted_keys(options)) if options.bundle else None
    written = files_of(options.output) if options.output else ()
    check_there(options.inputs)
    with ExitStack() as stack:
        asked = _asked_bundle(bundle, options) if bundle else _asked_server(options, stack)
        inputs = Inputs(options.inputs, _say, None, written, _takes(asked, options), options.text_column or TEXT)
        output = _output(options, asked.about, inputs.paths)
        stack.callback(output.close)
        remaining = _remaining(questions(output.checked(inputs), asked.together), output.done)
        results = _results(asked, remaining, options, stack)
        progress = Progress(inputs.estimate, output.done)
        done, unanswered, fault = _write(_new(results, output.done), output, options, progress)
    if inputs.left_out.count:
        _say(str(inputs.left_out))
    _end(options, done, unanswered, fault)


def _takes(asked: AskedServer | AskedBundle, options: argparse.Namespace) -> Kind | None:
    """Of which kind samples are; None where nobody says it."""
    kinds = asked.kinds
    if options.text_column and kinds is not None and "text" not in kinds:
        raise UserError("--text-column: the model takes no texts")
    if options.text_column:
        return "text"
    return None if kinds is None else next(iter(kinds), "")


def _asked_server(options: argparse.Namespace, stack: ExitStack) -> AskedServer:
    patience = Patience(PATIENCE_SECONDS)
    client = stack.enter_context(_client(options, patience))
    stack.callback(patience.end)
    return AskedServer(client, options.model, options.form)


def _client(options: argparse.Namespace, patience: Patience) -> Client:
    tls = options.tls or options.ca is not None
    top_k = str(options.top_k) if options.top_k else ""
    if not options.grpc:
        headers = options.headers | ({"X-Top-K": top_k} if top_k else {})
        url = _at(options.host, options.port, "https://" if tls else "http://")
        return RestClient(url, options.timeout, headers, options.ca, patience)
    parts = {"top_k": top_k.encode()} if top_k else {}
    target = _at(options.host, options.grpc_port)
    return GrpcClient(target, options.timeout, options.headers, tls=tls, ca=options.ca, parts=parts, patience=patience)


def _at(host: str, port: int, scheme: str = "") -> str:
    return host if host.startswith(SCHEME) else f"{scheme}{authority(host, port)}"


def _asked_bundle(bundle: Bundle, options: argparse.Namespace) -> AskedBundle:
    if options.form and options.form not in (files := bundle.task.files):
        known = f"{bundle.name} answers in {', '.join((*FORMATS, *files))}"
        raise UserError(f"--format: there is no '{options.form}'{did_you_mean(options.form, files, known)}")
    asked = AskedBundle(bundle, options.variant, options.top_k, options.form)
    if not options.variant:
        _say(f"{options.bundle}: {asked.variant} answers, as on a server; --variant names another")
    return asked


def _output(options: argparse.Namespace, about: dict[str, Any], asked: Sequence[str]) -> Output:
    if not options.output:
        return StandardOutput()
    about = {**about, "top_k": options.top_k, "inputs": options.inputs}
    if options.form:
        output: OutputFile = OutputFolder(options.output, options.form, asked, about)
    else:
        output = OutputFile(options.output, options.format, about)
    if output.done:
        _say(f"{options.output}: has {output.done:,} samples already, and goes on behind them")
    return output


def _remaining(asked: Iterable[Question], done: int) -> Iterator[Question]:
    """Whole questions, or a network might round differently: the first one may begin with samples that have records."""
    return (question for question in asked if question.first + len(question.samples) > done)


def _results(
    asked: AskedServer | AskedBundle, remaining: Iterator[Question], options: argparse.Namespace, stack: ExitStack
) -> Iterator[tuple[Question, list[Result]]]:
    if isinstance(asked, AskedBundle) and options.processes > 1:
        asking = AskingProcesses(asked, options.processes)
        stack.callback(asking.shutdown)
        return in_order(asking.ask, remaining, options.processes)
    workers = options.connections if isinstance(asked, AskedServer) else 1
    pool = ThreadPoolExecutor(workers) if isinstance(asked, AskedServer) else InThisProcess()
    stack.callback(pool.shutdown, cancel_futures=True)
    return in_order(lambda question: pool.submit(asked.ask, question.samples), remaining, workers)


def _new(results: Iterable[tuple[Question, list[Result]]], done: int) -> Iterator[Pair]:
    """Those of the samples that have no record yet. What an asker had to assume is said, once."""
    said = set[str]()
    for question, answers in results:
        pairs = zip(question.samples, answers, strict=True)
        for sample, result in islice(pairs, max(0, done - question.first), None):
            for note in result.pop(NOTES, ()) if isinstance(result, dict) else ():
                if note not in said and len(said) < MOST_NOTES:
                    said.add(note)
                    _say(f"{sample.source}: {note}")
            yield sample, result


def _write(
    pairs: Iterator[Pair], output: Output, options: argparse.Namespace, progress: Progress
) -> tuple[int, int, bool]:
    """How many samples there are, how many of them have no answer, and whether that was the server's fault."""
    done, unanswered, fault = output.done, output.unanswered, False
    try:
        records = _records(options, output)
        if output.is_new:
            head, pairs = _first_answer(pairs)
            if options.top_k and not has_labels(head):
                _say("--top-k: the model does not rank labels; it changes nothing")
            output.append(records.head(head))
        elif isinstance(records, Csv):
            records.columns = output.columns()
        for sample, result in pairs:
            output.append(records.record(sample, result))
            done += 1
            if isinstance(result, Unanswered):
                unanswered, fault = unanswered + 1, fault or result.fault
                if not options.format:
                    _say(f"{sample.place}: {result.why}")
            if options.output:
                progress.show(done, unanswered)
    except (KeyboardInterrupt, SystemExit):
        progress.end()
        way = "; the same command goes on with the next one" if options.output else ""
        _say(f"stopped after {done:,} samples{way}")
        raise
    except BrokenProcessPool as error:
        raise ServerFault(
            f"one of the processes was killed after {done:,} samples, perhaps for lack of memory; fewer --processes "
            "take less, and the same command goes on with the next one"
        ) from error
    progress.end()
    return done, unanswered, fault


def _records(options: argparse.Namespace, output: Output) -> Records:
    if isinstance(output, OutputFolder):
        return Files(output)
    return FORMATS[options.format](options.top_k) if options.format else Lines(options.top_k)


def _first_answer(pairs: Iterator[Pair]) -> tuple[dict[str, Any], Iterator[Pair]]:
    """The first answer, and all pairs. Raises UserError or ServerFault where no sample has one: nothing is written."""
    held: list[Pair] = []
    for sample, result in islice(pairs, MOST_UNANSWERED):
        held.append((sample, result))
        if not isinstance(result, Unanswered):
            return result, chain(held, pairs)
    if not held:
        raise UserError("there is no sample in what was given")
    sample, result = held[0]
    assert isinstance(result, Unanswered)
    more = f" (and {len(held) - 1:,} more; none of them has an answer)" if len(held) > 1 else ""
    raise (ServerFault if result.fault else UserError)(f"{sample.place}: {result.why}{more}")


def _end(options: argparse.Namespace, done: int, unanswered: int, fault: bool) -> None:
    if unanswered:
        said = options.output / INDEX if options.form else options.output
        where = f"; {said} says why" if options.output else ""
        text = f"{unanswered:,} of {done:,} samples have no answer{where}"
        raise ServerFault(text) if fault else UserError(text)
    if options.output:
        print(f"{options.output}: {done:,} samples")


def _say(text: str) -> None:
    print(f"torchferry: {text}", file=sys.stderr, flush=True)
