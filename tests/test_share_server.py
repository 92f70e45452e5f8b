"The interface as programs meet it: what is asked, refused and replied, in which order, and what is remembered."
import asyncio, json, threading, time
from dataclasses import replace
from functools import partial

import pytest, torch
from starlette.testclient import TestClient

from tinychat.data import Block
from tinychat.fast import writer_for
from tinychat.runs.candidates import CandidateChat
from tinychat.runs.loops import LoopFreeChat
from tinychat.share import server
from tinychat.share.interface import MOST_DRAFTS, Asked, Refused
from tinychat.share.server import MEMORY, Desk, Door, events_of, make_app, seats_for, until_stop

HELLO = [dict(role='user', content='how are you?')]

@pytest.fixture
def chat(model, tok): return LoopFreeChat(model, tok, make_writer=writer_for, max_tokens=24)

@pytest.fixture
def desk(chat): return Desk(chat)

@pytest.fixture
def client(desk): return TestClient(make_app(desk, Door({'testserver'})), raise_server_exceptions=False)

def ask(client, messages=HELLO, **how): return client.post('/v1/chat/completions', json=dict(model='x', messages=messages) | how)
def text(answer): return answer.json()['choices'][0]['message']['content']
def streamed(answer): return [json.loads(e[6:]) for e in answer.text.split('\n\n') if e.startswith('data: {')]

def test_a_reply_whole_and_in_pieces(client):
    for seed in range(5):
        whole, pieces = ask(client, seed=seed), ask(client, seed=seed, stream=True, stream_options=dict(include_usage=True))
        assert whole.status_code == 200 == pieces.status_code and pieces.text.endswith('data: [DONE]\n\n')
        parts = streamed(pieces)
        assert ''.join(p['choices'][0]['delta'].get('content', '') for p in parts if p['choices']) == text(whole)
        assert parts[-1]['usage'] == whole.json()['usage'] and whole.json()['tinychat']['messages'] == text(whole).split('\n')
        assert {p['id'] for p in parts} == {parts[0]['id']} and [p['choices'][0]['finish_reason'] for p in parts if p['choices']][-1] in ('stop', 'length')

def test_it_is_what_a_chat_would_say(client, model, tok):
    "With the same seed, whoever asked before and whatever is remembered."
    alone = LoopFreeChat(model, tok, make_writer=writer_for, max_tokens=24, seed=7)
    said = alone.reply('how are you?')
    for _ in range(2):
        assert ask(client, seed=7).json()['tinychat']['messages'] == said
        ask(client, [dict(role='user', content='something else')], seed=3)

@pytest.mark.parametrize('more, status, param', [
    (dict(temperature=-1), 400, 'temperature'), (dict(temperature='hot'), 400, 'temperature'), (dict(temperature=True), 400, 'temperature'), (dict(temperature=float('1e400')), 400, None), (dict(n=0), 400, 'n'), (dict(n=MOST_DRAFTS + 1), 400, 'n'),
    (dict(seed=1.5), 400, 'seed'), (dict(max_tokens=0), 400, 'max_tokens'), (dict(stop=[1]), 400, 'stop'), (dict(stop=['a']*5), 400, 'stop'), (dict(messages={}), 400, 'messages'), (dict(messages=[]), 400, 'messages'),
    (dict(messages=[dict(role='tool', content='x')]), 400, 'messages'), (dict(messages=[dict(role='user')]), 400, 'messages'), (dict(messages=[dict(role='system', content='x')]), 400, 'messages'), (dict(messages=['x']), 400, 'messages'),
    (dict(messages=[dict(role='user', content=[dict(type='image_url')])]), 400, 'messages'), (dict(messages=[dict(role='user', content='\ud800')]), 400, 'messages'), (dict(tools=[{}]), 400, 'tools'), (dict(response_format=dict(type='json_object')), 400, 'response_format'),
    (dict(stream='false'), 400, 'stream'), (dict(stream=1), 400, 'stream'), (dict(temprature=1), 400, None)])
def test_what_makes_no_sense_is_refused(client, more, status, param):
    data = json.dumps(dict(model='x', messages=HELLO) | more)
    answer = client.post('/v1/chat/completions', content=data, headers={'content-type': 'application/json'})
    error = answer.json()['error']
    assert answer.status_code == status and (param is None or error['param'] == param) and error['type'] == 'invalid_request_error'
    assert '\n' not in error['message'] and len(error['message']) < 120

def test_an_assistant_that_said_nothing_is_left_out(client):
    talk = [dict(role='user', content='hey'), dict(role='assistant', content='hi'), dict(role='user', content='and?')]
    silent = [*talk[:2], dict(role='assistant', content=None), talk[2]]
    first, second = (ask(client, messages, seed=3).json()['tinychat']['messages'] for messages in (talk, silent))
    assert first == second

def test_what_changes_nothing_is_taken(client):
    assert ask(client, user='ada', frequency_penalty=0.5, tools=[], response_format=dict(type='text'), top_p=1, logprobs=False, tool_choice='none').status_code == 200

def test_other_bodies_and_places(client, monkeypatch):
    def post(**how): return client.post('/v1/chat/completions', **how).status_code
    assert post(content='{}') == 415 and post(content='{', headers={'content-type': 'application/json'}) == 400
    assert post(content='['*100_000, headers={'content-type': 'application/json; charset=utf-8'}) == 400
    assert post(content='x'*(server.MOST_BODY + 1), headers={'content-type': 'application/json'}) == 413
    assert client.get('/v1/chat/completions').status_code == 405 and client.get('/etc').status_code == 404 and client.get('/v1/models').json()['data'][0]['id'] == 'tinychat'
    assert client.get('/v1/models/tinychat').json() == client.get('/v1/models').json()['data'][0] and client.get('/v1/models/gpt-4').status_code == 404
    monkeypatch.setattr(server, 'read_request', lambda body: 1/0)
    answer = client.post('/v1/chat/completions', json={})
    assert answer.status_code == 500 and answer.json()['error']['message'] == 'Something went wrong here.' # and not what

@pytest.mark.parametrize('most', [1, 2, 7, 20])
def test_no_more_tokens_are_counted_than_were_asked_for(client, chat, most):
    cut = 0
    for seed in range(10):
        body = ask(client, seed=seed, max_tokens=most).json()
        last = streamed(ask(client, seed=seed, max_tokens=most, stream=True, stream_options=dict(include_usage=True)))[-1]
        assert 1 <= body['usage']['completion_tokens'] <= most and last['usage'] == body['usage']
        cut += body['choices'][0]['finish_reason'] == 'length'
        tokens, header = body['usage']['completion_tokens'], len(chat.header('assistant')) + 1
        assert (body['choices'][0]['finish_reason'] == 'length') == (tokens + header*len(body['tinychat']['messages']) >= most) # no room for another message
    drafts = ask(client, n=3, max_tokens=most).json()
    assert cut and drafts['usage']['completion_tokens'] <= most*len(drafts['choices'])

def test_a_reply_ends_at_a_stop(client):
    whole = next(t for seed in range(20) if len(t := text(ask(client, seed=seed))) > 6)
    seed = next(s for s in range(20) if text(ask(client, seed=s)) == whole)
    assert text(ask(client, seed=seed, stop=whole[4:6])) == whole[:whole.index(whole[4:6])].rstrip('\n')

def test_drafts_differ(client):
    body = ask(client, n=4, seed=1).json()
    texts = [c['message']['content'] for c in body['choices']]
    assert len({*texts}) == 4 == len(body['tinychat']['drafts']) and [c['index'] for c in body['choices']] == [0, 1, 2, 3]
    assert [p['choices'][0]['delta']['content'] for p in streamed(ask(client, n=2, seed=1, stream=True)) if p["choices"][0]["delta"]] != []

def test_a_chat_that_writes_drafts(model, tok):
    client = TestClient(make_app(Desk(CandidateChat(model, tok, candidates=3, max_tokens=24)), Door({'testserver'})))
    assert text(ask(client, seed=2)) == text(ask(client, seed=2)) and len(ask(client, seed=2, n=2).json()['choices']) == 2

@pytest.mark.parametrize('kind', [LoopFreeChat, partial(CandidateChat, candidates=3)])
def test_a_reply_that_nobody_waits_for_ends_between_two_tokens(model, tok, kind):
    "Also while drafts are written and nothing has come yet; and the seat is as good as new."
    make, asked, calls = partial(kind, model, tok, make_writer=writer_for, max_tokens=24, temperature=1.), Asked([Block('user', 'how are you?')], dict(seed=7)), []
    def check():
        calls.append(1)
        if len(calls) == 5: raise Refused('gone', 499)
    desk, done = Desk(make()), []
    with pytest.raises(Refused): list(desk.write(asked, done, check))
    assert len(calls) == 5 and not done
    list(desk.write(asked, done))
    assert done[0].messages == make(seed=7).reply('how are you?')

def test_a_long_talk_is_cut_and_not_refused(client):
    long = [m for n in range(60) for m in (dict(role='user', content=f'message {n} of many'), dict(role='assistant', content=f'reply {n}'))] + HELLO
    assert ask(client, long).status_code == 200 and ask(client, [dict(role='user', content='word '*20_000)]).status_code == 200

def test_turn_thirty_reads_no_more_than_what_is_new(desk):
    "A talk finds its cache again by its beginning, also after it was cut, and although another talk came between."
    read, talk, other = [], [], [Block('user', 'another')]
    for _ in desk.write(Asked(other, {}), []): pass
    for turn in range(30):
        talk.append(Block('user', f'and {turn}?'))
        desk.seat_for(other)
        one, seat = desk.sit(Asked(talk, dict(seed=turn)))
        before = list(seat.writer.read)
        ids = one.prompt()
        same = next((n for n, (a, b) in enumerate(zip(before, ids)) if a != b), min(len(before), len(ids)))
        read.append(len(ids) - same)
        done = []
        for _ in desk.write(Asked(talk, dict(seed=turn)), done): pass
        talk += [Block('assistant', m) for m in done[0].messages]
    assert sorted(read)[len(read)//2] < 30 and len(desk.seats) == 3 # this talk, the other one, and one that only sat down above

def test_a_long_talk_is_cut_alike_whether_it_is_remembered_or_not(chat):
    "What is out of view follows from the talk: with its seat, with another's, after a restart, and as in a `Chat`."
    alone, kept, talk = LoopFreeChat(chat.model, chat.tokenizer, make_writer=writer_for, max_tokens=24), Desk(chat), []
    for turn in range(25):
        alone.rng.manual_seed(turn)
        said = alone.reply(f'this is number {turn}')
        talk.append(Block('user', f'this is number {turn}'))
        for desk in (kept, Desk(chat)):
            done = []
            for _ in desk.write(Asked([*talk], dict(seed=turn)), done): pass
            assert done[0].messages == said, turn
        talk += [Block('assistant', m) for m in said if m]
    assert alone.n_dropped > 10

def test_what_is_remembered_changes_no_digit(chat):
    "The scores after a talk, read anew or as it grew, with a reply in between and after another talk with the same beginning."
    model, tok = chat.model, chat.tokenizer
    talk, kept = [], Desk(chat)
    for turn in range(12):
        talk.append(Block('user', f'this is number {turn}, and what now?'))
        scores = []
        for desk in (kept, Desk(chat)):
            one, seat = desk.sit(Asked([*talk], dict(seed=turn)))
            scores.append(one.writer.logits(one.prompt()).clone())
        assert torch.equal(*scores), turn
        done = []
        for _ in kept.write(Asked([*talk], dict(seed=turn)), done): pass
        talk += [Block('assistant', m) for m in done[0].messages if m]
        if turn % 3 == 0: # somebody else goes another way, in the same seat
            kept.n_seats = 1
            for _ in kept.write(Asked([*talk[:-1], Block('user', 'no!')], dict(seed=turn)), []): pass

def test_talks_that_begin_alike_have_seats_of_their_own(desk):
    talks = [[Block('user', 'hey')] for _ in range(3)]
    for turn in range(3):
        for n, talk in enumerate(talks):
            done = []
            for _ in desk.write(Asked([*talk], dict(seed=10*n + turn)), done): pass
            talk += [Block('assistant', m) for m in done[0].messages if m] + [Block('user', f'{n}: and then?')]
    assert len(desk.seats) == 3

def test_memory_is_bounded(chat):
    desk = Desk(chat, seats=4)
    for n in range(20): [*desk.write(Asked([Block('user', str(n))], {}), [])]
    assert len(desk.seats) == desk.n_seats == len({id(s.writer) for s in desk.seats})
    assert len({id(s.writer.engine) for s in desk.seats}) == 1 # the weights are copied once
    c = chat.model.config
    for sizes in ({}, dict(n_layer=30, context=1024), dict(n_layer=1, context=32)):
        c = replace(chat.model.config, **sizes)
        assert seats_for(c) in (4, 64) or 100 << 20 < seats_for(c)*8*c.n_layer*c.n_kv_head*c.head_dim*c.context <= MEMORY

def test_one_after_the_other_and_no_more_than_fit(desk):
    desk.most, slow = 2, threading.Event()
    write = desk.write
    desk.write = lambda *a: (slow.wait(20), (yield from write(*a)))[1]
    async def both():
        tasks = [asyncio.create_task(desk.reply(Asked([Block('user', str(n))], dict(seed=n)))) for n in range(3)]
        await asyncio.sleep(.1)
        slow.set()
        return await asyncio.gather(*tasks, return_exceptions=True)
    got = asyncio.run(both())
    assert [type(g) for g in got] == [list, list, Refused] and got[2].status == 429 and desk.n_waiting == 0
    alone = [asyncio.run(Desk(desk.chat).reply(Asked([Block('user', str(n))], dict(seed=n))))[0].messages for n in range(2)]
    assert [g[0].messages for g in got[:2]] == alone # nothing is mixed

def test_who_goes_away_is_not_written_to(desk):
    async def leave():
        stream = desk.stream(Asked([Block('user', 'tell me all')], dict(max_tokens=40, seed=1)), done := [])
        await anext(stream)
        await stream.aclose()
        return await desk.reply(Asked([Block('user', 'hi')], dict(seed=2))), done
    (replies, done) = asyncio.run(leave())
    assert replies[0].messages and desk.n_waiting == 0

def test_an_error_in_a_stream_is_told_and_names_nothing(desk):
    desk.write = lambda *a: iter([1/0])
    async def read(): return [e async for e in events_of(desk, Asked([Block('user', 'x')], {}))]
    last = asyncio.run(read())[-1]
    assert json.loads(last[6:])['error']['message'] == 'Something went wrong here.' and desk.n_waiting == 0

@pytest.mark.parametrize('host', ['example.org', 'example.org:8866', '192.168.1.7', '127.0.0.1.example.org', 'localhost.example.org:1', '', '[::2]', '0.0.0.0', 'localhost@example.org', 'localhost.', '127.0.0.1.', '127.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]', '[::1', '::1', 'user@127.0.0.1', '127.0.0.1/x', '127.0.0.1#localhost', 'localhost%2eexample.org', 'ｌocalhost'])
def test_a_foreign_name_gets_nothing(host):
    with pytest.raises(Refused) as e: Door({'127.0.0.1', 'localhost', '[::1]'}).check(dict(host=host))
    assert e.value.status == 421

@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost:8866', 'LOCALHOST:1', '[::1]:8866', '[::1]'])
def test_own_names_are_let_in(host): Door({'127.0.0.1', 'localhost', '[::1]'}).check(dict(host=host))

@pytest.mark.parametrize('origin', ['http://example.org', 'null', 'http://127.0.0.1:1', 'https://127.0.0.1.example.org', 'file://'])
def test_another_page_gets_nothing(origin):
    with pytest.raises(Refused) as e: Door({'127.0.0.1'}).check(dict(host='127.0.0.1:8866', origin=origin))
    assert e.value.status == 403

def test_a_token_cannot_be_tried_for_long(monkeypatch):
    door, now = Door(set(), 'correct horse'), 1000.
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    for wrong in ('Basic correct horse', 'Bearer ', 'Bearer correct hors', 'correct horse!', 'Bearer ä', 'Bearer correct horse ')*2:
        with pytest.raises(Refused): door.check(dict(host='x', authorization=wrong))
    with pytest.raises(Refused) as e: door.check(dict(host='x', authorization='Bearer correct horse'))
    assert e.value.status == 429
    door.check(dict(host='x', authorization='Bearer correct horse'), '192.0.2.1') # others are not shut out
    for n in range(2*server.MOST_VISITORS):
        with pytest.raises(Refused): door.check(dict(host='x', authorization='Bearer no'), f'visitor {n}')
    assert len(door.wrong) == server.MOST_VISITORS == len(door.came)
    for _ in range(30): # who has not tried any is asked for one, and not counted
        with pytest.raises(Refused) as e: door.check(dict(host='x'))
        assert e.value.status == 401
    for _ in range(server.WRONG_TRIES):
        with pytest.raises(Refused): door.check(dict(host='x', authorization='Bearer no'))
        with pytest.raises(Refused): door.check(dict(host='x')) # which forgives nothing
    with pytest.raises(Refused) as e: door.check(dict(host='x', authorization='Bearer correct horse'))
    assert e.value.status == 429
    now += server.SHUT_SECONDS + 1
    for _ in range(3): # the right one forgives those before it
        door.check(dict(host='x', authorization='Bearer correct horse'))
        for _ in range(server.WRONG_TRIES - 1):
            with pytest.raises(Refused): door.check(dict(host='x', authorization='Bearer no'))

def test_the_openai_package(desk):
    openai = pytest.importorskip('openai')
    http = TestClient(make_app(desk, Door({'testserver'}, None)), base_url='http://testserver')
    client = openai.OpenAI(base_url='http://testserver/v1', api_key='none', http_client=http, max_retries=0)
    whole = client.chat.completions.create(model='x', messages=HELLO, seed=1)
    pieces = client.chat.completions.create(model='x', messages=HELLO, seed=1, stream=True)
    assert ''.join(p.choices[0].delta.content or '' for p in pieces) == whole.choices[0].message.content and whole.usage.completion_tokens > 0
    assert client.models.list().data[0].id == 'tinychat'
    with pytest.raises(openai.BadRequestError, match='from 0 to 2'): client.chat.completions.create(model='x', messages=HELLO, temperature=3)
    desk.most = 0
    with pytest.raises(openai.RateLimitError): client.chat.completions.create(model='x', messages=HELLO)

def test_a_stream_holds_back_what_may_be_a_stop():
    assert [*until_stop(['ab', 'cd', 'ef'], ['de'])] == ['ab', 'c'] and [*until_stop('abc', ['abcd'])] == ['abc'] and [*until_stop(['aab'], ['ab'])] == ['a']

def test_the_openai_package_without_waiting(desk):
    "Three talks at once, by its asynchronous client: each gets its own answer."
    openai, httpx = pytest.importorskip('openai'), pytest.importorskip('httpx')
    async def all_at_once():
        http = httpx.AsyncClient(transport=httpx.ASGITransport(make_app(desk, Door({'testserver'}))))
        client = openai.AsyncOpenAI(base_url='http://testserver/v1', api_key='none', http_client=http, max_retries=0)
        async def one(n): return (await client.chat.completions.create(model='x', messages=[dict(role='user', content=f'hello {n}')], seed=n)).choices[0].message.content
        async def pieces(n): return ''.join([p.choices[0].delta.content or '' async for p in await client.chat.completions.create(model='x', messages=[dict(role='user', content=f'hello {n}')], seed=n, stream=True)])
        return await asyncio.gather(*(one(n) for n in range(3)), *(pieces(n) for n in range(3)))
    got = asyncio.run(all_at_once())
    assert got[:3] == got[3:] and len({*got[:3]}) == 3

def test_so_many_requests_a_minute(monkeypatch):
    door, now = Door({'localhost'}), 1000.
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    for _ in range(server.MOST_A_MINUTE): door.check(dict(host='localhost'), 'one')
    with pytest.raises(Refused) as e: door.check(dict(host='localhost'), 'one')
    door.check(dict(host='localhost'), 'another')
    assert e.value.status == 429
    now += 61
    door.check(dict(host='localhost'), 'one')

def test_who_has_gone_is_not_worked_for(desk):
    "A reply whose asker has hung up ends, and one that has not begun never begins."
    asked, wrote = Asked([Block('user', 'hi')], dict(max_tokens=24), n=3), []
    real = desk.write_drafts_for
    desk.write_drafts_for = lambda a: (wrote.append(1), time.sleep(1), real(a))[2]
    class Gone:
        async def is_disconnected(self): return True
    async def all_gone():
        got = await asyncio.gather(*(server.while_there(Gone(), desk.reply(asked)) for _ in range(6)), return_exceptions=True)
        return got, await desk.reply(Asked([Block('user', 'hi')], dict(seed=1)))
    got, said = asyncio.run(all_gone())
    assert all(isinstance(g, Refused) and g.status == 499 for g in got) and said and len(wrote) <= 2 and desk.n_waiting == 0

@pytest.mark.parametrize('n', [1, 3])
def test_when_the_server_stops_no_further_token_is_written(desk, n):
    drawn = []
    def stop(ids): # asked before each token
        drawn.append(len(ids))
        desk.stopping = len(drawn) >= 5
        return ()
    desk.chat.ban = stop
    with pytest.raises(Refused) as e: asyncio.run(desk.reply(Asked([Block('user', 'hi')], dict(seed=1), n=n)))
    assert e.value.status == 503 and len(drawn) <= 8 and desk.n_waiting == 0
    with pytest.raises(Refused) as e: asyncio.run(desk.reply(Asked([Block('user', 'hi')], {}, n=n)))
    assert e.value.status == 503 and len(drawn) <= 8 # and nothing new is begun

def test_thousands_of_lines_and_endless_stops_stall_nothing(client):
    long = [dict(role='user', content='a'), dict(role='assistant', content='\n'.join('a'*340_000)), dict(role='user', content='b')]
    start = time.monotonic()
    assert ask(client, long, max_tokens=2).status_code == 200
    assert ask(client, stop=['a'*1001]).status_code == 400 and ask(client, stop=['a'*1000]*4, max_tokens=4).status_code == 200
    assert ask(client, [dict(role='user', content='x')]*5000, max_tokens=2).status_code == 200 # the oldest are left out
    assert time.monotonic() - start < 60 # it took minutes

def test_numbers_beyond_all_bounds(client):
    for name in ('n', 'max_tokens', 'temperature', 'seed', 'max_completion_tokens'):
        data = '{"messages": [{"role": "user", "content": "hi"}], "%s": 1%s}' % (name, '0'*400)
        assert client.post('/v1/chat/completions', content=data, headers={'content-type': 'application/json'}).status_code == 400

def test_no_redirect_and_a_method_that_is_told(client):
    assert client.get('/v1/models/', follow_redirects=False).status_code == 404
    answer = client.get('/v1/chat/completions')
    assert answer.status_code == 405 and answer.headers['allow'] == 'POST'
