/* SPDX-License-Identifier: MIT */
/* What the model of docs/scale.md asks of a network, by MPI alone: mpirun -n R pingpong. Each rank sends to the
 * next one and receives from the one before at the same time, as in a ring. Rank 0 prints one object:
 *
 *   latency    seconds that a small message takes from one rank to another, half of a round trip
 *   bandwidth  bytes per second of a link, in each direction at once
 *   add        bytes per second of values that come in and are added to others
 *   jitter     how many times as long the slowest rank takes for the same work as they do in the mean, step by step:
 *              what all wait for. 1 on machines that do nothing else */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIPS = 200, MESSAGE = 1 << 19, ROUNDS = 7, STEPS = 24, PASSES = 300 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Other work on the machine makes things longer, never shorter; what that costs the jitter says. */
static double least(double *seconds)
{
    qsort(seconds, ROUNDS, sizeof(*seconds), compare);
    return seconds[0];
}

static double measure_latency(int rank)
{
    double seconds[ROUNDS], word = 0;
    for (int round = 0; round < ROUNDS; round++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double begin = MPI_Wtime();
        for (int i = 0; i < TRIPS && rank < 2; i++) {
            if (rank == 0) {
                MPI_Send(&word, 1, MPI_DOUBLE, 1, 0, MPI_COMM_WORLD);
                MPI_Recv(&word, 1, MPI_DOUBLE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            } else {
                MPI_Recv(&word, 1, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                MPI_Send(&word, 1, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD);
            }
        }
        seconds[round] = (MPI_Wtime() - begin) / TRIPS / 2;
    }
    return least(seconds);
}

/* So many messages of MESSAGE floats, from other memory each: what a cache holds would be copied too fast. */
static double measure_bandwidth(int rank, int size, int messages, float *out, float *in)
{
    double seconds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double begin = MPI_Wtime();
        for (int i = 0; i < messages; i++) {
            MPI_Sendrecv(out + (size_t)i * MESSAGE, MESSAGE, MPI_FLOAT, (rank + 1) % size, 0, in + (size_t)i * MESSAGE,
                         MESSAGE, MPI_FLOAT, (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        MPI_Barrier(MPI_COMM_WORLD);
        seconds[round] = MPI_Wtime() - begin;
    }
    return (double)messages * MESSAGE * sizeof(float) / least(seconds);
}

static double measure_adding(int messages, float *restrict out, const float *restrict in)
{
    double seconds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        const double begin = MPI_Wtime();
        for (size_t i = 0; i < (size_t)messages * MESSAGE; i++) {
            out[i] += in[i];
        }
        seconds[round] = MPI_Wtime() - begin;
    }
    return (double)messages * MESSAGE * sizeof(float) / least(seconds);
}

/* Work of some 60 ms, the same on all ranks. */
static double measure_jitter(int rank, int size, float *restrict out, const float *restrict in)
{
    double slowest = 0, all = 0;
    for (int step = 0; step < STEPS; step++) {
        double most = 0, sum = 0;
        MPI_Barrier(MPI_COMM_WORLD);
        const double begin = MPI_Wtime();
        for (int pass = 0; pass < PASSES; pass++) {
            for (size_t i = 0; i < MESSAGE; i++) {
                out[i] += in[i];
            }
        }
        double own = MPI_Wtime() - begin;
        MPI_Reduce(&own, &most, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
        MPI_Reduce(&own, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
        slowest += most;
        all += sum / size;
    }
    return rank == 0 ? slowest / all : 1;
}

int main(int argc, char **argv)
{
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    const int messages = argc > 1 ? atoi(argv[1]) : 16;
    float *out = calloc((size_t)messages * MESSAGE, sizeof(*out)),
          *in = calloc((size_t)messages * MESSAGE, sizeof(*in));
    if (size < 2 || messages < 1 || out == NULL || in == NULL) {
        fprintf(stderr, "usage: mpirun -n RANKS pingpong [MESSAGES], two ranks or more\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    const double latency = measure_latency(rank);
    const double bandwidth = measure_bandwidth(rank, size, messages, out, in);
    const double add = measure_adding(messages, out, in);
    const double jitter = measure_jitter(rank, size, out, in);
    if (rank == 0) {
        printf("{\"ranks\": %d, \"latency\": %.3g, \"bandwidth\": %.4g, ", size, latency, bandwidth);
        printf("\"add\": %.4g, \"jitter\": %.3f}\n", add, jitter);
    }
    free(out);
    free(in);
    MPI_Finalize();
    return 0;
}
