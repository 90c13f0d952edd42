/* The revocation protocol as a model for spin. README.md says what is in it and what is not.
 *
 * Two nodes, one follower of node 0, one database, two changes to two subjects. Nodes crash and begin again, messages are
 * lost and late. Time is discrete and without end: every instant that matters is kept as the ticks that are left until it.
 *
 * The promise: when change i has returned, nobody who may answer from memory remembers subject i as it was before.
 * A verification that starts then could see no more than this, so it holds for every verification.
 *
 * Each rule of the protocol can be dropped by a macro (check.sh has the list); spin then finds a run that breaks the promise. */

#ifndef L
#define L 2             /* the life of a lease, in ticks */
#endif

/* What is remembered of a subject. Only what a change takes away matters, so a fact from after the change is NONE. */
#define NONE    0
#define READING 1       /* a read that began before the change is under way, and not yet remembered */
#define OLD     2

/* The database. Change i has revision i+1: which of the two is first is only a name. */
bool committed[2], returned[2];
byte lease[2], acked[2] = 2;            /* the nodes' rows: the lease ends in so many ticks; acknowledged up to */
byte past, past_acked = 2;              /* the row that the crashed process of node 0 left behind; at most one with a lease left */
#ifdef NO_REREAD
byte until[4];                      /* change i knows that the lease of node n ends in so many ticks: 2*i+n */
#endif
#define newest (committed[1] -> 2 : (committed[0] -> 1 : 0))

/* The nodes. */
#define IDLE     0
#define SENT     1                  /* a renewal is on its way to the database */
#define DONE     2                  /* its answer is on its way back */
#define CATCHING 3                  /* registered, and not yet caught up */
byte phase[2], grant[2];            /* grant: what is left of the lease that is being asked for, from when it was asked for */
byte deadline[2], applied[2];       /* may answer from memory for so many ticks; forgotten up to */
byte memory[4] = READING;           /* of subject i at node n: 2*n+i */
#ifdef HINT_ONLY
bool hint[4];                       /* the notification of change i is on its way to node n */
#endif

/* The follower, and what node 0 knows of it. */
byte f_phase, f_grant, f_got;           /* its poll: IDLE, SENT, DONE; the lease it asks for; what the answer tells of */
byte f_deadline, f_applied, f_memory[2] = READING;
#ifdef FOLLOWER_FROM_ARRIVAL
byte f_given;
#endif
byte f_lease, f_acked = 2;

#ifdef NO_LEASE_CHECK
bool begun[2];
#define may(n) (begun[n])
#else
#define may(n) (deadline[n] > 0)
#endif
#define due(i, from, to) (committed[i] && i+1 > from && i+1 <= to)
#define least(a, b)      (a < b -> a : b)

inline forget(n, i) {
#ifdef NO_FILL_GUARD
	memory[2*n+i] = (memory[2*n+i] == OLD -> NONE : memory[2*n+i])
#else
	memory[2*n+i] = NONE                /* and the read that is under way is not remembered */
#endif
}

inline catch_up(n) {
	if
#ifdef SHORT_HISTORY
	:: applied[n] == 0 && newest == 2 -> skip   /* the history has the last change alone, and nobody minds the gap */
#endif
	:: due(0, applied[n], newest) -> forget(n, 0)
	:: else
	fi;
	if :: due(1, applied[n], newest) -> forget(n, 1) :: else fi;
	applied[n] = newest
}

/* The follower's lease ran until the node's did or is over, or it has acknowledged. */
#ifdef FOLLOWER_NOT_WAITED
#define followed(rev) false
#else
#define followed(rev) (n == 0 && f_lease > 0 && f_acked < rev)
#endif

proctype node(byte n) {
	do
	/* A crash, and the next process: it remembers nothing and has no lease. */
	:: d_step { past == 0 || n == 1 ->
#ifndef SAME_ID
		if
		:: n == 0 -> past = lease[0]; past_acked = acked[0]
		:: else                             /* nobody follows node 1: nobody needs to wait for what it was */
		fi;
		lease[n] = 0; acked[n] = 2;
#endif
		phase[n] = IDLE; grant[n] = 0; deadline[n] = 0; applied[n] = newest;
		memory[2*n] = (committed[0] -> NONE : READING); memory[2*n+1] = (committed[1] -> NONE : READING);
		if :: n == 0 -> f_lease = 0; f_acked = 2 :: else fi
#ifdef NO_LEASE_CHECK
		; begun[n] = false
#endif
	   }

	/* Begin, and begin again after a lapse: a row of its own, then catch up, then answer. */
	:: d_step { deadline[n] == 0 && phase[n] != CATCHING ->
#ifndef UNREGISTERED
		lease[n] = L; acked[n] = newest;
#endif
		grant[n] = L; phase[n] = CATCHING
#ifdef ANSWER_BEFORE_CATCHING_UP
		; deadline[n] = L
#endif
	   }
	:: d_step { phase[n] == CATCHING ->
		catch_up(n); deadline[n] = grant[n]; grant[n] = 0; phase[n] = IDLE
#ifdef NO_LEASE_CHECK
		; begun[n] = true
#endif
	   }

	/* Renew: sent, done by the database, answered. A lost message is one that stays under way until the lapse. */
	:: d_step { phase[n] == IDLE && deadline[n] > 0 -> phase[n] = SENT; grant[n] = L }
	:: d_step { phase[n] == SENT -> lease[n] = L; phase[n] = DONE }
	:: d_step { phase[n] == DONE -> phase[n] = IDLE;
		if
#if defined(LATE_RENEWAL)
		:: true -> deadline[n] = grant[n]
#elif defined(LEASE_FROM_ARRIVAL)
		:: deadline[n] > 0 -> deadline[n] = L
#else
		:: deadline[n] > 0 -> deadline[n] = grant[n]
#endif
		:: else                             /* late: it is none */
		fi; grant[n] = 0 }

	/* Apply: whenever, for a notification may be lost. Then acknowledge. */
#ifdef HINT_ONLY
	:: d_step { hint[2*n]   -> hint[2*n]   = false; forget(n, 0); applied[n] = (applied[n] > 1 -> applied[n] : 1) }
	:: d_step { hint[2*n+1] -> hint[2*n+1] = false; forget(n, 1); applied[n] = 2 }
#else
	:: d_step { phase[n] != CATCHING && deadline[n] > 0 && applied[n] < newest -> catch_up(n) }
#endif
#ifdef ACKNOWLEDGE_BEFORE_FORGET
	:: d_step { phase[n] != CATCHING && acked[n] < newest && !followed(acked[n]+1) -> acked[n]++ }
#else
	:: d_step { phase[n] != CATCHING && acked[n] < applied[n] && !followed(acked[n]+1) -> acked[n]++ }
#endif

	/* What was read is remembered. Before the change a read is always under way: who remembers it then might as well
	 * remember it right after the change, and who reads less has less to forget. */
	:: d_step { committed[0] && memory[2*n]   == READING -> memory[2*n]   = OLD }
	:: d_step { committed[1] && memory[2*n+1] == READING -> memory[2*n+1] = OLD }
	od
}

inline f_forget(i) {
#ifdef NO_FOLLOWER_FILL_GUARD
	f_memory[i] = (f_memory[i] == OLD -> NONE : f_memory[i])
#else
	f_memory[i] = NONE
#endif
}

/* What node 0 grants, from now on; the follower counts it from when it sent the poll, L - f_grant ago. */
#ifdef FOLLOWER_OUTLIVES_NODE
#define granted L
#else
#define granted deadline[0]
#endif

proctype follower() {
	do
	/* Poll: it acknowledges and asks for a lease. A node without one answers nobody. */
	:: d_step { f_phase == IDLE && f_deadline < L -> f_phase = SENT; f_grant = L }
	:: d_step { f_phase == SENT && deadline[0] > 0 -> f_phase = DONE; f_acked = f_applied; f_got = applied[0];
		f_lease = granted; f_grant = (f_grant + granted > L -> f_grant + granted - L : 0)
#ifdef FOLLOWER_FROM_ARRIVAL
		; f_given = f_lease
#endif
	   }
	:: d_step { f_phase == DONE -> f_phase = IDLE;
		if :: due(0, f_applied, f_got) -> f_forget(0) :: else fi;
		if :: due(1, f_applied, f_got) -> f_forget(1) :: else fi;
		f_applied = f_got; f_got = 0;
#ifdef FOLLOWER_FROM_ARRIVAL
		f_grant = f_given; f_given = 0;
#endif
		f_deadline = (f_grant > f_deadline -> f_grant : f_deadline); f_grant = 0 }

	/* A miss asks the node, which answers from its memory or from the database. */
	:: d_step { f_memory[0] == NONE && memory[0] == OLD && may(0) -> f_memory[0] = READING }
	:: d_step { f_memory[1] == NONE && memory[1] == OLD && may(0) -> f_memory[1] = READING }
	:: d_step { committed[0] && f_memory[0] == READING -> f_memory[0] = OLD }
	:: d_step { committed[1] && f_memory[1] == READING -> f_memory[1] = OLD }
	od
}

/* One call that changes subject i: commit, wait, return. Revisions are in the order of commits. */
#define over(i, left, acked) (left == 0 || acked > i)
#ifdef NO_REREAD
#define row(i, n) over(i, until[2*i+n], acked[n])
#else
#define row(i, n) over(i, lease[n], acked[n])
#endif

proctype change(byte i) {
#ifdef NOT_IN_COMMIT_ORDER
	d_step { true ->
#else
	d_step { i == 0 || committed[0] ->
#endif
		committed[i] = true
#ifdef HINT_ONLY
		; hint[i] = true; hint[2+i] = true
#endif
#ifdef NO_REREAD
		; until[2*i] = lease[0]; until[2*i+1] = lease[1]
#endif
	}
#ifdef NO_WAIT
	returned[i] = true
#else
	d_step { row(i, 0) && row(i, 1) && over(i, past, past_acked) -> returned[i] = true }
#endif
}

#define tick(left) left = (left > 0 -> left - 1 : 0)

proctype clock() {
	do
	:: d_step {
		tick(lease[0]); tick(lease[1]); tick(deadline[0]); tick(deadline[1]); tick(grant[0]); tick(grant[1]);
		tick(past); tick(f_lease); tick(f_deadline); tick(f_grant);
		/* Whose lease has run out holds nobody up, even if a renewal that comes late revives its row. */
		if :: lease[0] == 0 -> acked[0] = 2 :: else fi;
		if :: lease[1] == 0 -> acked[1] = 2 :: else fi;
		if :: past == 0 -> past_acked = 2 :: else fi;
		if :: f_lease == 0 -> f_acked = 2 :: else fi;
		/* What is granted no time any more is given up. */
		if :: grant[0] == 0 -> phase[0] = IDLE :: else fi;
		if :: grant[1] == 0 -> phase[1] = IDLE :: else fi;
		if :: f_grant == 0 -> f_phase = IDLE; f_got = 0 :: else fi
#ifdef NO_REREAD
		; tick(until[0]); tick(until[1]); tick(until[2]); tick(until[3])
#endif
	   }
	od
}

#define broken(n, i) (returned[i] && may(n) && memory[2*n+i] == OLD)
#define f_broken(i)  (returned[i] && f_deadline > 0 && f_memory[i] == OLD)

proctype promise() {
	atomic { broken(0,0) || broken(0,1) || broken(1,0) || broken(1,1) || f_broken(0) || f_broken(1) -> assert(false) }
}

init { atomic { run node(0); run node(1); run follower(); run change(0); run change(1); run clock(); run promise() } }
