using System.Buffers;
using Google.Protobuf;
using Qdrant.Client.Grpc;

namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>What a server keeps, and what its methods do with it. Strict: filters need indexes.</summary>
internal sealed class QdrantState
{
    private static readonly SearchValues<char> s_refused = SearchValues.Create("<>:\"/\\|?*\0\u001f");

    private readonly Lock _lock = new();
    private readonly Dictionary<string, StoredCollection> _collections = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _aliases = new(StringComparer.Ordinal);

    /// <summary>Decides how vectors are answered: up to 1.16 by the old fields.</summary>
    public string Version { get; set; } = "1.19.0";

    public string[] Collections
    {
        get
        {
            lock (_lock)
            {
                return [.. _collections.Keys];
            }
        }
    }

    public string[] Aliases
    {
        get
        {
            lock (_lock)
            {
                return [.. _aliases.Keys];
            }
        }
    }

    /// <summary>Points of all collections whose payload has a kind.</summary>
    public int Count(string kind)
    {
        lock (_lock)
        {
            return _collections.Values.Sum(c => c.Points.Values.Count(p => p.Payload["kind"].StringValue == kind));
        }
    }

    /// <summary>Loses the aliases, as restoring from snapshots does.</summary>
    public void LoseAliases()
    {
        lock (_lock)
        {
            _aliases.Clear();
        }
    }

    /// <summary>Makes every index one of another version.</summary>
    public void ChangeFormat(long format)
    {
        lock (_lock)
        {
            foreach (var point in _collections.Values.SelectMany(static c => c.Points.Values))
            {
                if (point.Payload["kind"].StringValue == "index")
                {
                    point.Payload["format"] = format;
                }
            }
        }
    }

    /// <summary>A collection of somebody else.</summary>
    public void AddForeign(string name)
    {
        lock (_lock)
        {
            _collections.Add(name, new(new() { CollectionName = name }));
        }
    }

    public IMessage Answer(string method, byte[] request)
    {
        lock (_lock)
        {
            return method switch
            {
                "/qdrant.Qdrant/HealthCheck" => new HealthCheckReply { Title = "qdrant - vector search engine", Version = Version },
                "/qdrant.Collections/List" => new ListCollectionsResponse
                {
                    Collections = { _collections.Keys.Select(static name => new CollectionDescription { Name = name }) },
                },
                "/qdrant.Collections/Create" => Create(CreateCollection.Parser.ParseFrom(request)),
                "/qdrant.Collections/Delete" => Delete(DeleteCollection.Parser.ParseFrom(request)),
                "/qdrant.Collections/UpdateAliases" => Change(ChangeAliases.Parser.ParseFrom(request)),
                "/qdrant.Collections/ListAliases" => new ListAliasesResponse
                {
                    Aliases =
                    {
                        _aliases.Select(static a => new AliasDescription { AliasName = a.Key, CollectionName = a.Value }),
                    },
                },
                _ => OfPoints(method, request),
            };
        }
    }

    private IMessage OfPoints(string method, byte[] request) => method switch
    {
        "/qdrant.Points/CreateFieldIndex" => Index(CreateFieldIndexCollection.Parser.ParseFrom(request)),
        "/qdrant.Points/Upsert" => Upsert(UpsertPoints.Parser.ParseFrom(request)),
        "/qdrant.Points/Delete" => Delete(DeletePoints.Parser.ParseFrom(request)),
        "/qdrant.Points/Get" => Get(GetPoints.Parser.ParseFrom(request)),
        "/qdrant.Points/Scroll" => Scroll(ScrollPoints.Parser.ParseFrom(request)),
        "/qdrant.Points/Count" => Count(CountPoints.Parser.ParseFrom(request)),
        "/qdrant.Points/QueryBatch" => Query(QueryBatchPoints.Parser.ParseFrom(request)),
        _ => throw new CallFailure(12, ""),
    };

    private StoredCollection Find(string name) =>
        _collections.GetValueOrDefault(_aliases.GetValueOrDefault(name, name))
        ?? throw new CallFailure(5, $"Not found: Collection `{name}` doesn't exist!");

    private CollectionOperationResponse Create(CreateCollection request)
    {
        var name = request.CollectionName;
        if (name.Length is 0 or > 255 || name.AsSpan().ContainsAny(s_refused))
        {
            throw new CallFailure(3, $"Validation error in body: [collection_name: {name}]");
        }

        if (_aliases.ContainsKey(name))
        {
            throw new CallFailure(3, $"Wrong input: Can't create collection with name {name}. Alias with the same name already exists");
        }

        return _collections.TryAdd(name, new(request))
            ? new() { Result = true }
            : throw new CallFailure(6, $"Wrong input: Collection `{name}` already exists!");
    }

    private CollectionOperationResponse Delete(DeleteCollection request)
    {
        foreach (var alias in _aliases.Where(a => a.Value == request.CollectionName).Select(static a => a.Key).ToList())
        {
            _aliases.Remove(alias);
        }

        return new() { Result = _collections.Remove(request.CollectionName) };
    }

    private CollectionOperationResponse Change(ChangeAliases request)
    {
        foreach (var action in request.Actions)
        {
            if (action.DeleteAlias is { } gone)
            {
                _aliases.Remove(gone.AliasName);
            }
            else if (action.CreateAlias is { } made)
            {
                _aliases[made.AliasName] = _collections.ContainsKey(made.CollectionName)
                    ? made.CollectionName
                    : throw new CallFailure(5, $"Not found: Collection `{made.CollectionName}` doesn't exist!");
            }
        }

        return new() { Result = true };
    }

    private PointsOperationResponse Index(CreateFieldIndexCollection request)
    {
        if (!request.HasFieldType || request.FieldType != FieldType.Keyword)
        {
            throw new CallFailure(3, "cannot convert field_type");
        }

        Find(request.CollectionName).Indexed.Add(request.FieldName);
        return Done(request.Wait);
    }

    // Without wait the change is only queued: here for ever.
    private static PointsOperationResponse Done(bool waited) => new()
    {
        Result = new() { OperationId = 1, Status = waited ? UpdateStatus.Completed : UpdateStatus.Acknowledged },
    };

    private PointsOperationResponse Upsert(UpsertPoints request)
    {
        var collection = Find(request.CollectionName);
        foreach (var point in request.Points)
        {
            collection.Check(point);
        }

        if (request.Wait)
        {
            foreach (var point in request.Points)
            {
                collection.Points[PointJudge.Id(point.Id)] = point;
            }
        }

        return Done(request.Wait);
    }

    private PointsOperationResponse Delete(DeletePoints request)
    {
        var collection = Find(request.CollectionName);
        var ids = request.Points.PointsSelectorOneOfCase == PointsSelector.PointsSelectorOneOfOneofCase.Points
            ? request.Points.Points.Ids.Select(PointJudge.Id)
            : collection.Matching(request.Points.Filter).Select(static p => PointJudge.Id(p.Id));
        if (request.Wait)
        {
            foreach (var id in ids.ToList())
            {
                collection.Points.Remove(id);
            }
        }

        return Done(request.Wait);
    }

    private GetResponse Get(GetPoints request)
    {
        var collection = Find(request.CollectionName);
        var found = request.Ids.Select(id => collection.Points.GetValueOrDefault(PointJudge.Id(id))).OfType<PointStruct>();
        return new() { Result = { found.Select(p => Retrieved(p, request.WithPayload, request.WithVectors)) } };
    }

    private ScrollResponse Scroll(ScrollPoints request)
    {
        var from = request.Offset is null ? "" : PointJudge.Id(request.Offset);
        var limit = request.Limit > 0 ? (int)request.Limit : throw new CallFailure(3, "Validation error in body: [limit: 0]");
        var found = Find(request.CollectionName).Matching(request.Filter)
            .Where(p => string.CompareOrdinal(PointJudge.Id(p.Id), from) >= 0).Take(limit + 1).ToList();
        return new()
        {
            Result = { found.Take(limit).Select(p => Retrieved(p, request.WithPayload, request.WithVectors)) },
            NextPageOffset = found.Count > limit ? found[limit].Id : null,
        };
    }

    private CountResponse Count(CountPoints request) =>
        new() { Result = new() { Count = (ulong)Find(request.CollectionName).Matching(request.Filter).Count() } };

    private QueryBatchResponse Query(QueryBatchPoints request) => new()
    {
        Result =
        {
            request.QueryPoints.Select(query => new BatchResult
            {
                Result =
                {
                    Find(query.CollectionName).Ranked(query).Select(found => new ScoredPoint
                    {
                        Id = found.Point.Id,
                        Score = found.Score,
                        Payload = { PointJudge.Selected(found.Point.Payload, query.WithPayload) },
                        Vectors = PointJudge.Vectors(found.Point, query.WithVectors, Version),
                    }),
                },
            }),
        },
    };

    private RetrievedPoint Retrieved(PointStruct point, WithPayloadSelector payload, WithVectorsSelector vectors) => new()
    {
        Id = point.Id,
        Payload = { PointJudge.Selected(point.Payload, payload) },
        Vectors = PointJudge.Vectors(point, vectors, Version),
    };
}
