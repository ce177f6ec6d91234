# A process that stays in a namespace and starts commands there: perl starter.pl
#
# Starting from here costs a fork of something small. Entering the namespace for each command costs
# another program's start and a fork of Node, which is felt in an emulated machine. So is every
# module that this program would load: it has none, and counts time in whole seconds.
#
# A request on standard input is a line and the bytes that it counts:
#   ID LIMIT LENGTH...   LIMIT in seconds; lengths of the command's words, then of its standard input
# A reply on standard output, in the order in which commands end:
#   ID STATUS LENGTH LENGTH   lengths of what the command said on standard output and standard error
# STATUS is an exit status, `not-found`, `no-permission`, `timeout` or `killed`. A command has ended
# when its process has and nobody holds its outputs any more. With the end of standard input this
# process ends, and kills what still runs.
use strict;
use warnings;

use constant WNOHANG => 1;

$SIG{INT} = 'IGNORE';
my $requests = '';
# By process number. An output that has ended has no pipe any more.
my %running;

while (1) {
    my %outputs = map { fileno $_->{pipe} => $_ } map { open_outputs($_) } values %running;
    my $ready = '';
    vec($ready, $_, 1) = 1 for 0, keys %outputs;
    if (select($ready, undef, undef, patience()) > 0) {
        vec($ready, $_, 1) and take($outputs{$_}) for keys %outputs;
        if (vec $ready, 0, 1) {
            sysread STDIN, $requests, 1 << 20, length $requests or last;
            1 while perform_next();
        }
    }
    finish();
}
kill KILL => keys %running;

sub perform_next {
    return 0 unless $requests =~ /^(\d+) (\d+)((?: \d+)+)\n/;
    my ($id, $limit, $at, @lengths) = ($1, $2, $+[0], split ' ', $3);
    my $end = $at;
    $end += $_ for @lengths;
    return 0 if length $requests < $end;
    my @texts;
    for (@lengths) {
        push @texts, substr $requests, $at, $_;
        $at += $_;
    }
    substr $requests, 0, $end, '';
    my $input = pop @texts;
    start($id, $limit, $input, @texts);
    return 1;
}

sub start {
    my ($id, $limit, $input, $file, @args) = @_;
    my ($path, $problem) = locate($file);
    return reply($id, $problem, '', "$file: cannot be started ($problem)") unless defined $path;
    open my $stdin, '+>', undef or die "a temporary file: $!";
    syswrite $stdin, $input;
    sysseek $stdin, 0, 0;
    pipe my $stdout, my $to_stdout or die "pipe: $!";
    pipe my $stderr, my $to_stderr or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{INT} = 'DEFAULT';
        open STDIN, '<&', $stdin;
        open STDOUT, '>&', $to_stdout;
        open STDERR, '>&', $to_stderr;
        { no warnings; exec { $path } $file, @args }
        print STDERR "$file: $!\n";
        exit 126;
    }
    my @outputs = map { { pipe => $_, text => '' } } $stdout, $stderr;
    $running{$pid} = { id => $id, until => time + $limit, outputs => \@outputs, is_late => 0 };
}

# The first of that name that may be executed, or what is in the way.
sub locate {
    my ($file) = @_;
    my @paths = $file =~ m{/} ? $file : map { "$_/$file" } split /:/, $ENV{PATH};
    for (@paths) { return $_ if -f $_ && -x _ }
    return (undef, (grep { -e $_ } @paths) ? 'no-permission' : 'not-found');
}

sub open_outputs { grep { defined $_->{pipe} } @{ $_[0]{outputs} } }

sub take {
    my ($output) = @_;
    delete $output->{pipe} unless sysread $output->{pipe}, $output->{text}, 1 << 20, length $output->{text};
}

# Ends what is late, and replies for what has ended.
sub finish {
    for my $pid (keys %running) {
        my $command = $running{$pid};
        if (!$command->{is_late} && time > $command->{until}) {
            $command->{is_late} = 1;
            kill KILL => $pid;
        }
        next if open_outputs($command) || waitpid($pid, WNOHANG) == 0;
        my $status = $? & 127 ? 'killed' : $? >> 8;
        reply($command->{id}, $command->{is_late} ? 'timeout' : $status, map { $_->{text} } @{ $command->{outputs} });
        delete $running{$pid};
    }
}

# Seconds after which commands are looked at again; undef: when there is something to read.
sub patience {
    my $shortest;
    for my $command (values %running) {
        # A process closes its outputs at its very end, as a rule.
        my $seconds = !open_outputs($command) ? 0.001 : $command->{is_late} ? next : 1 + $command->{until} - time;
        $shortest = $seconds if !defined $shortest || $seconds < $shortest;
    }
    return defined $shortest && $shortest < 0 ? 0 : $shortest;
}

sub reply {
    my ($id, $status, $stdout, $stderr) = @_;
    my $text = sprintf("%s %s %d %d\n", $id, $status, length $stdout, length $stderr) . $stdout . $stderr;
    while ($text ne '') {
        my $written = syswrite STDOUT, $text;
        exit unless defined $written;
        substr $text, 0, $written, '';
    }
}
