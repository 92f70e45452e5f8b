"What a request says, and what an answer looks like."
import json

import pytest

from tinychat.data import Block
from tinychat.share.interface import HARMLESS, MOST_DRAFTS, Answer, Refused, blocks_of, read_request, stopped, stream_chunk, whole_reply

HELLO = dict(messages=[dict(role='user', content='hi')])

def test_replies_come_back_as_they_went():
    assert blocks_of(dict(role='assistant', content='yes\n\nwhere?')) == [Block('assistant', 'yes'), Block('assistant', 'where?')]
    assert blocks_of(dict(role='user', content='a\nb')) == [Block('user', 'a\nb')] and blocks_of(dict(role='developer', content='x')) == []

def test_stops(): assert stopped(['one', 'two'], ['\n']) == ['one'] and stopped(['one'], ['o']) == [] and stopped(['one', 'two'], []) == ['one', 'two']

def test_what_is_asked_arrives():
    asked = read_request(HELLO | dict(temperature=0, max_completion_tokens=9, max_tokens=99, seed=-5, n=3, stop='x', stream=True, stream_options=dict(include_usage=True)))
    assert asked.settings == dict(temperature=0., max_tokens=9, seed=-5) and (asked.n, asked.stops, asked.stream, asked.usage) == (3, ['x'], True, True)
    assert read_request(HELLO).settings == {} and not read_request(HELLO | dict(stream_options='x')).usage

@pytest.mark.parametrize('name', ['tools', 'functions', 'logprobs', 'audio', 'response_format'])
def test_what_it_cannot_do_is_refused_unless_it_is_nothing(name):
    for nothing in HARMLESS: read_request(HELLO | {name: nothing})
    with pytest.raises(Refused) as e: read_request(HELLO | {name: dict(type='something')})
    assert e.value.param == name and e.value.body()['error']['param'] == name

def test_no_word_of_a_request_is_in_a_refusal():
    for body in ([], 'secret', dict(messages='secret'), dict(messages=[dict(role='secret')]), HELLO | dict(temperature='secret'), HELLO | dict(stop=dict(a='secret')), dict(messages=[dict(role='user', content=dict(text='secret'))])):
        with pytest.raises(Refused) as e: read_request(body)
        assert 'secret' not in str(e.value)

def test_an_answer_as_json():
    body = json.loads(json.dumps(whole_reply([Answer(['a', 'b'], 5, True), Answer(['c'], 2, False)], 7)))
    assert [c['finish_reason'] for c in body['choices']] == ['length', 'stop'] and body['usage'] == dict(prompt_tokens=7, completion_tokens=7, total_tokens=14)
    assert body['tinychat'] == dict(messages=['a', 'b'], drafts=[['a', 'b'], ['c']]) and body['choices'][0]['message']['content'] == 'a\nb'
    assert stream_chunk('x', 1, {}, finish='stop')['choices'][0]['finish_reason'] == 'stop' and stream_chunk('x', 1)['choices'] == []
