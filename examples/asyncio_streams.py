"""A server of streams with asyncio, for a thousand clients on one core, each with a sensor of its own.

    python examples/asyncio_streams.py [CLIENTS] [SECONDS]

Server and clients run in this one process and talk over loopback. A client sends a time step of nine float32 numbers, waits
for the answer, which is a line with the class and its probability, and sends the next step. After a while it leaves and
another client comes. Steps gather while the server computes, and one call of `Streams.step` handles all that have arrived.
A client with a broken sensor sends NaN now and then. It is told so, and the other clients are not affected.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import numpy as np

import hadamrnn_ext as hr

BROKEN = 10  # one client in so many has a broken sensor
STEPS = 100  # a client leaves after so many steps, and another takes its place


class Server:
    """The steps that have arrived and the clients that wait for their answers, with at most one step from each."""

    def __init__(self, model: hr.Model, limit: int) -> None:
        self.streams = model.streams(capacity=16, limit=limit)  # grows when more clients have come
        self.size = 4 * model.card.input_size
        self.waiting: dict[int, tuple[bytes, asyncio.Future[str]]] = {}
        self.arrived = asyncio.Event()
        self.steps = self.calls = self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client until it leaves."""
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
        """Computes all steps that have arrived in one call, over and over."""
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            waiting, self.waiting = self.waiting, {}
            if waiting:
                answers = self.answers(list(waiting), [step for step, _ in waiting.values()])
                for place, (_, answer) in waiting.items():
                    answer.set_result(answers[place])
            await asyncio.sleep(0)  # let the clients run

    def answers(self, places: list[int], steps: list[bytes]) -> dict[int, str]:
        """The line to answer at each place."""
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
    """Connects, sends its steps one by one, leaves, and connects again as a new client, until the end."""
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
    # It tells six activities from nine channels of a phone's sensors, 50 steps per second.
    model = hr.load("har6")
    # A new client may come before the server has noticed that the last one has left.
    server = Server(model, limit=2 * count)
    signal = np.random.default_rng(0).normal(size=(1000, model.card.input_size)).astype("<f4")
    computing = asyncio.create_task(server.compute())
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=count) as listening:
        port = listening.sockets[0].getsockname()[1]
        begin = time.perf_counter()
        await asyncio.gather(*(client(port, number, signal, begin + seconds) for number in range(count)))
        elapsed = time.perf_counter() - begin
        while len(server.streams):  # until the server has noticed that the last client has left
            await asyncio.sleep(0.01)
    computing.cancel()
    print(
        f"{count:,} streams, {server.steps:,} steps in {elapsed:.1f} s: {server.steps / elapsed:,.0f} steps per second, "
        f"{server.steps / server.calls:.1f} per call"
    )
    print(
        f"{server.refused:,} steps were refused; at the end there was room for {server.streams.capacity:,} streams"
    )


def main(count: int = 1000, seconds: float = 5.0) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # each connection takes two file descriptors, one at either end

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(run(count, seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, float(sys.argv[2]) if len(sys.argv) > 2 else 5.0)
