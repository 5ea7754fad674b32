"""A server of streams with asyncio: a thousand clients on one core, each with a sensor of its own.

    python examples/asyncio_streams.py [CLIENTS] [SECONDS]

Server and clients run in this one process and talk over loopback. A client sends a time step, nine float32 numbers, waits
for the answer, a line with the class and its probability, and sends the next one; after a while it leaves and another
comes. While the server computes, steps gather: whatever has arrived since is one call of `Streams.step`. A client with a
broken sensor sends NaN now and then. It is told so, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import numpy as np

import hadamrnn_ext as hr

BROKEN = 10  # of so many clients one has a broken sensor
STEPS = 100  # of a client, after which another one takes its place


class Server:
    """Steps that have arrived, and the clients that wait for what comes of them: one step of each at most."""

    def __init__(self, model: hr.Model, limit: int) -> None:
        self.streams = model.streams(capacity=16, limit=limit)  # has room for more when more have come
        self.size = 4 * model.card.input_size
        self.waiting: dict[int, tuple[bytes, asyncio.Future[str]]] = {}
        self.arrived = asyncio.Event()
        self.steps = self.calls = self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its coming to its leaving."""
        place = self.streams.join()
        try:
            while True:
                step = await reader.readexactly(self.size)
                answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
                self.waiting[place] = step, answer
                self.arrived.set()
                writer.write((await answer).encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it has left
        finally:
            self.waiting.pop(place, None)
            self.streams.leave(place)
            writer.close()

    async def compute(self) -> None:
        """Over and over, all steps that have arrived, in one call."""
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            waiting, self.waiting = self.waiting, {}
            if waiting:
                answers = self.answers(list(waiting), [step for step, _ in waiting.values()])
                for place, (_, answer) in waiting.items():
                    answer.set_result(answers[place])
            await asyncio.sleep(0)  # the clients' turn

    def answers(self, places: list[int], steps: list[bytes]) -> dict[int, str]:
        """One line for each place."""
        x = np.frombuffer(b"".join(steps), "<f4").reshape(len(places), -1)
        self.streams.step(x, np.array(places), errors="skip")
        answers = {place: f"refused: {error}\n" for place, error in self.streams.refused.items()}
        good = [place for place in places if place not in answers]
        labels, probabilities = self.streams.classify(good)
        for place, label, probability in zip(good, labels[:, 0], probabilities[:, 0], strict=True):
            answers[place] = f"{label} {probability:.3f}\n"
        self.steps += len(good)
        self.refused += len(places) - len(good)
        self.calls += 1
        return answers


async def client(port: int, number: int, signal: np.ndarray, end: float) -> None:
    """Comes, sends its steps one by one, leaves, and comes again as somebody new, until the end."""
    while time.perf_counter() < end:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for i in range(STEPS):
            step = signal[(number + i) % len(signal)].copy()
            if number % BROKEN == 0 and i % 5 == 4:
                step[3] = np.nan
            writer.write(step.tobytes())
            answer = await reader.readline()
            assert answer.startswith(b"refused") == bool(np.isnan(step).any()), answer
            if time.perf_counter() > end:
                break
        writer.close()
        await writer.wait_closed()


async def run(count: int, seconds: float) -> None:
    model = hr.load(
        "har6"
    )  # which of six activities is it: nine channels of a phone's sensors, 50 steps a second
    server = Server(
        model, limit=2 * count
    )  # the next one may come before the server has noticed who has left
    signal = np.random.default_rng(0).normal(size=(1000, model.card.input_size)).astype("<f4")
    computing = asyncio.create_task(server.compute())
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=count) as listening:
        port = listening.sockets[0].getsockname()[1]
        begin = time.perf_counter()
        await asyncio.gather(*(client(port, number, signal, begin + seconds) for number in range(count)))
        elapsed = time.perf_counter() - begin
        while len(server.streams):  # until it has noticed the last one
            await asyncio.sleep(0.01)
    computing.cancel()
    print(
        f"{count:,} streams, {server.steps:,} steps in {elapsed:.1f} s: {server.steps / elapsed:,.0f} steps a second, "
        f"{server.steps / server.calls:.1f} in a call"
    )
    print(
        f"{server.refused:,} steps were refused; there was room for {server.streams.capacity:,} streams in the end"
    )


def main(count: int = 1000, seconds: float = 5.0) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # a connection is a file at both ends

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(run(count, seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, float(sys.argv[2]) if len(sys.argv) > 2 else 5.0)
