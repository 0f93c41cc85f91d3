"""What workers answer leaves at once, although the socket they share does not say that it is TCP."""

import asyncio
import socket

import httpx
import pytest
import uvicorn

from salesboost_tools.service.listen import PromptProtocol


async def answer(scope, _, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(("protocol", "prompt"), [(PromptProtocol, True), ("auto", False)])
async def test_answers_wait_for_no_acknowledgement(protocol, prompt):
    shared = socket.socket(socket.AF_INET)  # as uvicorn makes the one that its workers share
    shared.bind(("127.0.0.1", 0))
    config = uvicorn.Config(answer, http=protocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[shared]))
    async with httpx.AsyncClient() as client:
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0)
        assert (await client.get(f"http://127.0.0.1:{shared.getsockname()[1]}/")).status_code == 204
        (connection,) = server.server_state.connections
        link = connection.transport.get_extra_info("socket")
        assert bool(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is prompt
    server.should_exit = True
    await serving
