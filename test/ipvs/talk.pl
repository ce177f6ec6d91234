# A connection that lasts: perl talk.pl serve ADDRESS PORT
#                         perl talk.pl talk ADDRESS PORT FOLDER
#
# The server answers each line with its own address and port. The client says a line five times a
# second and prints every answer; "mark" once FOLDER/mark is there, and it ends when FOLDER/end is,
# with a reset, so that nothing of the connection lingers.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my ($role, $address, $port, $folder) = @ARGV;
alarm 600;

if ($role eq 'serve') {
    my $listener = IO::Socket::INET->new(
        LocalAddr => $address, LocalPort => $port, Listen => 16, ReuseAddr => 1
    ) or die "cannot listen: $!";
    $SIG{CHLD} = 'IGNORE';
    while (my $client = $listener->accept) {
        next if fork;
        while (defined(my $line = <$client>)) { print $client "$address:$port\n" }
        exit;
    }
}

my $socket = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port) or die "cannot connect: $!";
$socket->autoflush(1);
my $marked = 0;
until (-e "$folder/end") {
    if (!$marked && -e "$folder/mark") { print "mark\n"; $marked = 1 }
    print $socket "who are you?\n";
    my $answer = <$socket>;
    die "the connection ended" unless defined $answer;
    print $answer;
    select undef, undef, undef, 0.2;
}
setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
close $socket;
