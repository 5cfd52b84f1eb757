"""The batches of all who ask for a size and a wait.

Where a batch must wait for others, the wait is as short as all of them can count: in a closed loop whatever
comes meanwhile is the next batch.
"""

MAX_BATCH = 64
BATCH_WAIT_MS = 1
