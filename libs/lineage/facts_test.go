package lineage_test

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "github.com/chancery-dev/chancery/proto/activity/v1"
	_ "github.com/chancery-dev/chancery/proto/audit/v1"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

// future holds facts that the options can express and no service says yet.
var future = contract()

func contract() protoreflect.FileDescriptor {
	ends := &descriptorpb.MessageOptions{}
	proto.SetExtension(ends, eventv1.E_Ends, []*eventv1.Effect{{Kind: "credential", Reaches: []string{"generation"}}})
	due := &descriptorpb.FieldOptions{}
	proto.SetExtension(due, eventv1.E_Due, "grant")
	wrong := &descriptorpb.MessageOptions{}
	proto.SetExtension(wrong, eventv1.E_Ends, []*eventv1.Effect{{Kind: "grant", Field: "missing"}})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("future.proto"), Package: proto.String("future"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/timestamp.proto", "event/v1/options.proto"},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("GrantRenewed"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("until"), Number: proto.Int32(1), Options: due,
				Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: proto.String(".google.protobuf.Timestamp"),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}}},
			{Name: proto.String("CredentialGenerationsEnded"), Options: ends},
			{Name: proto.String("Wrong"), Options: wrong},
		},
	}, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return file
}

func futureFact(name protoreflect.Name) *dynamicpb.Message {
	return dynamicpb.NewMessage(future.Messages().ByName(name))
}

func renewed(until int64) proto.Message {
	m := futureFact("GrantRenewed")
	m.Set(m.Descriptor().Fields().ByName("until"), protoreflect.ValueOfMessage(stamp(until).ProtoReflect()))
	return m
}

func generationsEnded() proto.Message { return futureFact("CredentialGenerationsEnded") }

func timeOf(t int64) time.Time { return time.Unix(t, 0) }

// everyMessage lists the messages of the contract.
func everyMessage() map[protoreflect.FullName]bool {
	all := map[protoreflect.FullName]bool{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(file.Options().(*descriptorpb.FileOptions).GetGoPackage(), "github.com/chancery-dev/") {
			for i := range file.Messages().Len() {
				all[file.Messages().Get(i).FullName()] = true
			}
		}
		return true
	})
	return all
}
