/**
 * The container's first program: a lock on the file of each GPU that it was given, without waiting, then it lives for a while. The lock is the kernel's: it goes with the last process of the container.
 * Words: the lock's kind (-x, -s), the seconds, the name.
 */
export const HOLD = `b=/bin/busybox fd=3
LOCK="/witness/lib/loader --library-path /witness/lib /witness/lib/flock"
for node in /dev/nvidia[0-9]*; do
  [ -e "$node" ] || continue
  gpu=$((0\${node#/dev/nvidia}))
  eval "exec $fd>>/witness/gpu-$gpu"
  $LOCK -n $1 $fd
  case $? in
    0) ;;
    1) echo "GPU $gpu: $3 ($1) and $($b cat /witness/of-$gpu)" >>/witness/two-owners ;;
    *) echo "$3: no lock can be taken" >>/witness/two-owners ;;
  esac
  echo "$3 ($1)" >/witness/of-$gpu
  fd=$((fd + 1))
done
[ $fd = 3 ] && echo "$3" >>/witness/without
echo "$3 $1 $((fd - 3))" >>/witness/held
exec $b sleep $2
`;

/**
 * A program of the machine that takes a lease for itself, and has its GPUs for a while. What it starts ends before it has a lock, so that no child of it keeps one.
 * Words: the witness, the seconds, the name, then the command that takes the lease.
 */
export const HOLD_LEASE = `witness=$1 seconds=$2 name=$3
shift 3
taken=$("$@" --owner-pid $$) || exit $?
gpus=$(echo "$taken" | sed -n 's/.*"name": "\\([0-9]*\\)".*/\\1/p')
fd=3
for gpu in $gpus; do
  eval "exec $fd>>$witness/gpu-$gpu"
  flock -n -x $fd || echo "GPU $gpu: $name and $(cat $witness/of-$gpu)" >>$witness/two-owners
  echo "$name" >$witness/of-$gpu
  fd=$((fd + 1))
done
echo "$name -x $((fd - 3))" >>$witness/held
exec sleep $seconds
`;
