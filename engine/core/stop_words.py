"""Words that say nothing about what a text is about: English grammar, and what fills spoken sentences."""

from __future__ import annotations

__all__ = ["STOP_WORDS"]

_WORDS = (
    "a about actually after again ain all alright also although always am an and another any anybody anything anyway "
    "are aren around as at away back basically be because been before being both bit but by bye came can cannot come "
    "coming could couldn cool did didn different do does doesn doing don done down each either else er even ever every "
    "everybody everything exactly far few fine first for from get gets getting give go goes going gone gonna good got "
    "great had hadn has hasn have haven having he hello her here hers hey hi him his hmm how however i if in indeed "
    "instead into is isn it its just kay kind know last least less let like little ll look looking lot lots made make "
    "makes making many may maybe me mean means mhm might mine mm more most much must my myself need never next nice no "
    "nobody none nor not nothing now of off oh ok okay on once one ones only or other others our ours out over own "
    "part people perhaps please possibly pretty probably put quite rather re really right said same saw say saying "
    "says second see seem seems seen shall she should shouldn since so some somebody somehow someone something "
    "sometimes somewhere soon sorry sort still such sure take taken talk tell than thank thanks that the their theirs "
    "them themselves then there these they thing things think this those though three through thus till to today "
    "together too took towards try trying two uh um under unless until up upon us use used using usually ve very via "
    "wanna want wanted wants was wasn way ways we well went were weren what whatever when where whereas whether which "
    "while who whole whom whose why will with within without won would wouldn wow yeah yep yes yet you your yours "
    "yourself"
)

STOP_WORDS: frozenset[str] = frozenset(_WORDS.split())
"""Folded, split where `core/sentences.py` splits: `don't` is `don` and `t`. One letter is never a word there."""
