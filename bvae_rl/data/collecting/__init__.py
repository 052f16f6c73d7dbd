"""How frames get into a store.

Read ``plan`` (what is asked for) first, then ``collect`` (how a store is filled), ``rollout``
(whole episodes), ``blocks`` (what comes next) and ``interventions`` (one actuator alone). Who acts:
``sticky`` random actions, a ``learner``, episodes from ``random_starts``, and all of them by
``shares`` in ``mixed``; ``acted`` checks their actions. ``grown`` goes on from another store.
"""
